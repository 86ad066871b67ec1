using Hostmemd.Sessions;

namespace Hostmemd.Monitor;

/// <summary>One command of the human monitor.</summary>
/// <param name="Names">The first is what it is called in messages.</param>
/// <param name="Arguments">What may follow, for the help.</param>
/// <param name="Help">One line, for people.</param>
internal sealed record HumanCommand(string[] Names, string Arguments, string Help)
{
    /// <summary>Takes one word or quoted string, or none; else nothing may follow.</summary>
    public bool TakesWord { get; init; }

    /// <summary>Takes the rest of the line as it is.</summary>
    public bool TakesRest { get; init; }

    /// <summary>What may come as its second word.</summary>
    public HumanCommand[]? SubCommands { get; init; }

    /// <summary>Its text, with LF as line ends.</summary>
    public required Func<Client, string?, string> Run { get; init; }

    /// <summary>All its names, as QEMU shows them in messages about arguments.</summary>
    public string AllNames => string.Join('|', Names);

    public string HelpLine(string prefix) => $"{prefix}{AllNames} {Arguments} -- {Help}\n";

    public static HumanCommand? Find(IEnumerable<HumanCommand> commands, string name) => commands.FirstOrDefault(command => command.Names.Contains(name));
}
