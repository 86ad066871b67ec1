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
}
