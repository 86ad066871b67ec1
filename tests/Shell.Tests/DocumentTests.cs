using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace Hostmemd.QmpShell.Tests;

/// <summary>What the documents tell people to type works, and the manual pages know every option.</summary>
public sealed partial class DocumentTests(ITestOutputHelper output)
{
    private static readonly string Documents = Path.Combine(AppContext.BaseDirectory, "documents");

    [Fact]
    public void Every_command_in_a_document_is_tried_or_says_why_not()
    {
        string[] told = [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "documents.txt"))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line[..line.LastIndexOf(" | ", StringComparison.Ordinal)])];
        string[] there = [.. Directory.EnumerateFiles(Documents, "*.md")
            .Where(file => Path.GetFileName(file) != "qmp-reference.md")
            .SelectMany(File.ReadLines)
            .Select(line => CommandLine().Match(line))
            .Where(match => match.Success)
            .Select(match => match.Groups["command"].Value.TrimEnd())];

        Assert.Equal(there.Distinct().Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_ten_lines_of_the_readme_do_what_it_says()
    {
        if (!Host.HasKvm)
        {
            output.WriteLine("not tried: /dev/kvm cannot be opened");
            return;
        }

        string[] lines = [.. (await File.ReadAllLinesAsync(Path.Combine(Documents, "README.md")))
            .SkipWhile(line => !line.StartsWith("    event-subscribe", StringComparison.Ordinal))
            .TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal))
            .Select(line => line.Trim())];
        Assert.Equal(10, lines.Length);
        await using ServerProcess server = await Servers.StartDaemonAsync("-M", "q35", "-m", "256M,maxmem=4G,slots=8", "-S");

        var (status, answers, errors) = await ShellProcess.RunAsync(string.Join('\n', lines) + "\n", "--json", server.SocketPath);

        Assert.Equal((0, ""), (status, errors));
        Assert.Contains("\"guest-data\": \"aGVsbG8=\", \"host-data\": \"aGVsbG8=\"", answers, StringComparison.Ordinal);
        Assert.Contains("\"event\": \"MEMORY_SLOT_ADDED\"", answers, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_script_of_the_readme_works()
    {
        string line = (await File.ReadAllLinesAsync(Path.Combine(Documents, "README.md"))).Single(text => text.StartsWith("    qmp-shell ", StringComparison.Ordinal));
        await using ServerProcess server = await Servers.StartDaemonAsync();
        string command = line.Trim().Replace("/tmp/hostmemd.sock", server.SocketPath, StringComparison.Ordinal);

        var (status, text) = await Programs.RunAsync("sh", "-c", $"PATH={AppContext.BaseDirectory}:$PATH; {command}");

        Assert.Equal(0, status);
        Assert.Matches(@"\nm1 +memfd +64 MiB", text);
    }

    [Fact]
    public async Task A_transcript_is_played_against_a_server_that_runs()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync();

        var (status, _, errors) = await ShellProcess.RunAsync(
            "", "--timeout", "20", "--play", Path.Combine(AppContext.BaseDirectory, "examples", "populate-as-a-job.qmp"), server.SocketPath);

        Assert.Equal((0, ""), (status, errors));
    }

    [Fact]
    public void The_manual_page_and_the_completions_know_every_option()
    {
        string[] options = [.. Option().Matches(ShellOptions.Usage).Select(match => match.Value).Distinct()];
        Assert.Contains("--timeout", options);
        string page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "man", "qmp-shell.1")).Replace("\\-", "-", StringComparison.Ordinal);
        string bash = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "completion", "qmp-shell.bash"));
        string zsh = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "completion", "_qmp-shell"));

        Assert.All(options, option =>
        {
            Assert.Contains(option, page, StringComparison.Ordinal);
            Assert.Contains(option, bash, StringComparison.Ordinal);
            Assert.Contains(option, zsh, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task The_manual_page_of_the_daemon_has_the_options_of_its_help_and_no_others()
    {
        var (_, help) = await Programs.RunAsync(DaemonProgram.Find(), "-help");
        string page = (await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "man", "hostmemd.8"))).Replace("\\-", "-", StringComparison.Ordinal);

        Assert.Contains("-lend-dir", Options(help));
        Assert.Equal(Options(help), Options(Font().Replace(page, "")));

        static string[] Options(string text) =>
            [.. DaemonOption().Matches(text).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal)];
    }

    [Theory]
    [InlineData("hostmemd.8")]
    [InlineData("qmp-shell.1")]
    [InlineData("qemu-hostmem.1")]
    public async Task A_manual_page_is_set_without_a_warning(string page)
    {
        if (!File.Exists("/usr/bin/man"))
        {
            output.WriteLine("not tried: there is no man");
            return;
        }

        string file = Path.Combine(AppContext.BaseDirectory, "man", page);

        Assert.Equal((0, ""), await Programs.RunAsync("sh", "-c", $"man -l --warnings=w -Tutf8 {file} 2>&1 >/dev/null"));
    }

    [GeneratedRegex("^    (?<command>(dotnet|qmp-shell|hostmemd|qemu-hostmem|kill|printf|virsh|debootstrap|out|packaging|docs/examples|tests/Benchmarks)[ /].*)$", RegexOptions.ExplicitCapture)]
    private static partial Regex CommandLine();

    [GeneratedRegex("--[a-z]+(-[a-z]+)*")]
    private static partial Regex Option();

    /// <summary>A word that begins with one dash: where a word has a dash within, something stands before it.</summary>
    [GeneratedRegex(@"(?<![\w>-])-[A-Za-z]+(-[a-z]+)*")]
    private static partial Regex DaemonOption();

    /// <summary>A change of font, in a manual page.</summary>
    [GeneratedRegex(@"\\f[A-Z]")]
    private static partial Regex Font();
}
