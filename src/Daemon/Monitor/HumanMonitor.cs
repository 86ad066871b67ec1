using Hostmemd.Sessions;

namespace Hostmemd.Monitor;

/// <summary>
/// Carries out a line of the human monitor. What is wrong with the line is told in the text, as QEMU does: it is no error of QMP.
/// </summary>
internal static class HumanMonitor
{
    /// <summary>Words that help looks at.</summary>
    private const int MaxHelpWords = 16;

    private static readonly HumanCommand[] Info =
    [
        new(["kvm"], "", "whether KVM is in use") { Run = (client, _) => HumanInfo.Kvm(client) },
        new(["memdev"], "", "the memory backends and their properties") { Run = (client, _) => HumanInfo.Memdev(client) },
        new(["memory-devices"], "", "the plugged memory, by address") { Run = (client, _) => HumanInfo.MemoryDevices(client) },
        new(["memory_size_summary"], "", "how many bytes of memory the guest has, from the start and plugged")
        { Run = (client, _) => HumanInfo.MemorySizeSummary(client) },
        new(["qom-tree"], "[path]", "the objects below a path, /machine unless given")
        { TakesWord = true, Run = (client, path) => HumanInfo.QomTree(client, path) },
        new(["status"], "", "whether the guest counts as running") { Run = (client, _) => HumanInfo.Status(client) },
        new(["version"], "", "which interface and which program this is") { Run = (_, _) => HumanInfo.Version() },
    ];

    private static readonly HumanCommand[] Commands =
    [
        new(["help", "?"], "[cmd]", "lists the commands, or says what one is for") { TakesRest = true, Run = (_, words) => Help(words!) },
        new(["xp"], "/fmt addr", "shows physical memory; fmt is a count, one of x d u o c, and one of b h w g")
        { TakesRest = true, Run = (client, text) => MemoryDump.Run(client, text!) },
        new(["info"], "[subcommand]", "shows a part of the guest's state; alone it lists the parts") { SubCommands = Info, Run = (_, _) => HelpOf(Info, "info ") },
    ];

    /// <returns>What a person would see, with CRLF as line ends.</returns>
    public static string Run(Client client, string line) =>
        RunLine(client, new HumanLine(line)).Replace("\n", "\r\n", StringComparison.Ordinal);

    private static string RunLine(Client client, HumanLine line)
    {
        HumanCommand? command = null;
        var path = "";
        var among = Commands;
        while (among is not null)
        {
            var before = line;
            line.SkipSpace();
            if (line.IsAtEnd)
                break;
            line = before;
            command = HumanCommand.Find(among, line.Name());
            if (command is null)
                return $"unknown command: '{line.Read}'\n";
            path += $" {command.Names[0]}";
            among = command.SubCommands;
        }
        return command is null ? "" : RunCommand(client, command, path, line);
    }

    private static string RunCommand(Client client, HumanCommand command, string path, HumanLine line)
    {
        line.SkipSpace();
        string? argument = null;
        if (command.TakesRest)
            argument = line.Rest();
        else if (command.TakesWord && !line.IsAtEnd && (argument = line.Word()) is null)
            return Wrong(command, path, "string expected");
        line.SkipSpace();
        return line.IsAtEnd ? command.Run(client, argument) : Wrong(command, path, "extraneous characters at the end of line");
    }

    private static string Wrong(HumanCommand command, string path, string what) =>
        $"{command.AllNames}: {what}\nTry \"help{path}\" for more information\n";

    private static string Help(string text)
    {
        var words = new List<string>();
        var line = new HumanLine(text);
        for (line.SkipSpace(); !line.IsAtEnd; line.SkipSpace())
        {
            if (words.Count == MaxHelpWords || line.Word() is not { } word)
                return "";
            words.Add(word);
        }
        var (among, prefix) = (Commands, "");
        foreach (var word in words)
        {
            if (HumanCommand.Find(among, word) is not { } command)
                return $"unknown command: '{prefix}{word}'\n";
            if (command.SubCommands is null)
                return command.HelpLine(prefix);
            (among, prefix) = (command.SubCommands, $"{prefix}{word} ");
        }
        return HelpOf(among, prefix);
    }

    private static string HelpOf(IEnumerable<HumanCommand> commands, string prefix) =>
        string.Concat(commands.Select(command => command.HelpLine(prefix)));
}
