namespace Hostmemd.QmpShell.Transcript;

/// <summary>The server did something else than the transcript says.</summary>
internal sealed class TranscriptMismatch : Exception
{
    public TranscriptMismatch(string difference, string? expected = null, string? got = null)
        : this(null, difference, expected, got, null)
    {
    }

    private TranscriptMismatch(int? lineNumber, string difference, string? expected, string? got, Exception? inner)
        : base(Describe(lineNumber, difference, expected, got), inner)
    {
        LineNumber = lineNumber;
        Difference = difference;
        Expected = expected;
        Got = got;
    }

    /// <summary>The line that was not met; null when the server talks on after the last line.</summary>
    public int? LineNumber { get; }

    public string Difference { get; }

    public string? Expected { get; }

    public string? Got { get; }

    public TranscriptMismatch At(int lineNumber) => new(lineNumber, Difference, Expected, Got, this);

    private static string Describe(int? lineNumber, string difference, string? expected, string? got) =>
        (lineNumber is null ? "" : $"line {lineNumber}: ")
        + difference
        + (expected is null ? "" : $"\n    expected: {expected}")
        + (got is null ? "" : $"\n    got:      {got}");
}
