using Xunit.Abstractions;

namespace Hostmemd.QmpShell.Tests;

/// <summary>The conversations of docs/examples, played as their readers play them.</summary>
public sealed class ExamplesTests(ITestOutputHelper output)
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "examples");

    public static TheoryData<string> Examples => [.. Directory.EnumerateFiles(Folder, "*.qmp").Select(file => Path.GetFileName(file)!).Order()];

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Example_is_what_the_daemon_says(string name)
    {
        string path = Path.Combine(Folder, name);
        if (TranscriptFile.Load(path).Needs.Contains("kvm") && !Host.HasKvm)
        {
            output.WriteLine($"{name} was not played: /dev/kvm cannot be opened");
            return;
        }

        var (status, _, errors) = await ShellProcess.RunAsync("", "--wrap", "--timeout", "20", "--play", path);

        Assert.Equal((0, ""), (status, errors));
    }
}
