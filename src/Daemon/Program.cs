using Hostmemd.Keeping;
using Hostmemd.Lending;
using Hostmemd.Populate;
using Hostmemd.Startup;

try
{
    // Before anything else: it is started for each piece of memory, and every millisecond counts.
    if (PopulateMode.IsMeant(args))
        return PopulateMode.Run(args);
    if (LendHolderMode.IsMeant(args))
        return LendHolderMode.Run(args);
    if (KeeperMode.IsMeant(args))
        return KeeperMode.Run(args);
    var options = OptionParser.Parse(args);
    if (options.PrintAndExit is { } text)
    {
        Console.Out.Write(text);
        return 0;
    }
    return await DaemonProcess.RunAsync(options).ConfigureAwait(false);
}
catch (OptionException e)
{
    await Console.Error.WriteLineAsync($"hostmemd: {e.Message}").ConfigureAwait(false);
    return 1;
}
