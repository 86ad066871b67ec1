namespace Hostmemd.QmpShell.Completion;

/// <summary>What could stand at the end of a line.</summary>
/// <param name="Start">Where in the line it would begin.</param>
/// <param name="Candidates">Sorted.</param>
/// <param name="Suffix">What follows a candidate that is the only one.</param>
internal sealed record Completions(int Start, IReadOnlyList<string> Candidates, string Suffix)
{
    public static Completions None { get; } = new(0, [], "");

    /// <summary>How all candidates begin.</summary>
    public string Common
    {
        get
        {
            string common = Candidates.Count > 0 ? Candidates[0] : "";
            foreach (string candidate in Candidates)
                common = common[..common.AsSpan().CommonPrefixLength(candidate)];
            return common;
        }
    }
}
