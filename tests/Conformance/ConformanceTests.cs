using Xunit.Abstractions;

namespace Hostmemd.Conformance;

/// <summary>The daemon answers what QEMU answered when the transcripts were recorded.</summary>
public sealed class ConformanceTests(TranscriptRuns runs, ITestOutputHelper output) : IClassFixture<TranscriptRuns>
{
    [TranscriptFact]
    public async Task Server_answers_as_recorded(string path)
    {
        string? difference = await runs.DifferenceAsync(path);
        if (!NotYetList.Load().TryGetValue(path, out string? reason))
        {
            Assert.True(difference is null, $"{path}: {difference}");
            return;
        }

        Assert.True(difference is not null, $"{path} passes now: remove its line from not-yet.txt");
        output.WriteLine($"not yet: {reason}\n{difference}");
    }

    [Fact]
    public void Every_transcript_of_the_not_yet_list_exists() =>
        Assert.Empty(NotYetList.Load().Keys.Except(TranscriptCorpus.List()));

    /// <summary>But for what is only not built yet, which the README says.</summary>
    [Fact]
    public void Each_that_goes_otherwise_has_its_line_in_the_differences_and_no_other_has()
    {
        var differences = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "differences.md"))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal) && line.Contains(".qmp`", StringComparison.Ordinal))
            .Select(line => line.Split('`')[1]);
        Assert.Equal(NotYetList.LoadOnPurpose().Order(StringComparer.Ordinal), differences.Order(StringComparer.Ordinal));
    }
}
