using Hostmemd.QmpShell.Schema;

namespace Hostmemd.QmpShell;

/// <summary>The words that the shell itself carries out.</summary>
internal static class LocalCommands
{
    public const string Help = "help";
    public const string Show = "show";
    public const string Watch = "watch";
    public const string Exit = "exit";

    public static IReadOnlyList<string> Names { get; } = [Help, Show, Watch, Exit];

    /// <summary>What may stand behind a word of the shell; null for a command of the server.</summary>
    public static IEnumerable<string>? Arguments(string command, ServerSchema schema) => command switch
    {
        Help => schema.Commands,
        Show or Watch => ["memory", "backends"],
        Exit => [],
        _ => null,
    };
}
