using Hostmemd.Cpr;
using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Populate;
using Hostmemd.Startup;

ParentChannel? parent = null;
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
    if (Handover.IsAsked)
    {
        Console.Out.WriteLine(Handover.Answer);
        return 0;
    }
    ProcessName.SetIfUnknown(new LinuxKernel());
    using var handover = Handover.Take(new LinuxKernel());
    if (options.ParentChannel is { } descriptor)
        parent = new ParentChannel(descriptor, new LinuxKernel());
    else if (options.Daemonize && handover is null)
        return ParentChannel.StartDaemon(options, args, new LinuxKernel());
    return await DaemonProcess.RunAsync(options, parent, handover).ConfigureAwait(false);
}
catch (OptionException e)
{
    if (parent is not null)
        parent.Fail(e.Message);
    else
        await Console.Error.WriteLineAsync($"hostmemd: {e.Message}").ConfigureAwait(false);
    return 1;
}
