using System.Globalization;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>One system call as strace shows it.</summary>
/// <param name="Tid">The thread that made it.</param>
/// <param name="Arguments">As they stand between the parentheses.</param>
/// <param name="Result">What it returned: a number, an address, -1.</param>
/// <param name="IsInjected">strace failed it; the kernel never saw it.</param>
internal sealed record TraceCall(int Tid, string Name, IReadOnlyList<string> Arguments, string Result, bool IsInjected)
{
    /// <summary>An address or a length.</summary>
    public ulong NumberAt(int argument) => Number(Arguments[argument]);

    public ulong ResultNumber => Number(Result);

    public bool Says(string word) => Arguments.Any(argument => argument.Split('|').Contains(word));

    public override string ToString() => $"{Name}({string.Join(", ", Arguments)}) = {Result}{(IsInjected ? " (INJECTED)" : "")}";

    private static ulong Number(string text) => text switch
    {
        "NULL" => 0,
        ['0', 'x', ..] => ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        _ => ulong.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : ulong.MaxValue,
    };
}
