using Hostmemd.Commands;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Hostmemd.Startup;
using Xunit;

namespace Hostmemd.Daemon.Tests.Golden;

/// <summary>
/// Texts that are made from the declarations and kept in the tree, so that a change of the interface shows as a difference to read.
/// HOSTMEMD_REWRITE_GOLDEN=1 rewrites them.
/// </summary>
public class GoldenFileTests
{
    private const string ManualPreface =
        """
        # QMP reference

        Every command, event and type of hostmemd, made from their declarations. Commands without the feature `hostmemd` are QEMU 11.1.3's;
        those with it are our own: test the feature, not the name. `unstable` marks what may still change.

        A tail of a QOM path is enough where just one object has it. Sizes and addresses are bytes. Examples and errors are from transcripts
        that the tests play ([transcripts](transcripts.md) says what `$int` and its like stand for). `since` is the first version of hostmemd that
        has the name; values of an enumeration came with it unless they say otherwise.

        """;

    [Fact]
    public void Reference_manual_is_the_one_in_docs() => Check("docs/qmp-reference.md", Manual().Text);

    [Fact]
    public void Every_command_has_an_example_or_says_why_not()
    {
        var recorded = new RecordedExchanges(Root());

        Assert.Equal(
            RecordedExchanges.NotRecorded.Keys.Order(StringComparer.Ordinal),
            CommandList.Create().Commands.Select(command => command.Name).Where(name => !recorded.Shows(name)).Order(StringComparer.Ordinal));
    }

    /// <summary>A name that is new is missing in the file, and comes in with the version that is being made.</summary>
    [Fact]
    public void Every_name_has_the_version_that_had_it_first() => Check(FirstVersions.File, Manual().Versions.ToString());

    [Fact]
    public void No_version_is_one_that_the_changelog_does_not_have()
    {
        var released = File.ReadLines(Path.Combine(Root(), "CHANGELOG.md"))
            .Where(line => line.StartsWith("## ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]).ToHashSet();

        Assert.Contains(FirstVersions.Current, released);
        Assert.Subset(released, FirstVersions.Read(Root()).Values.ToHashSet());
    }

    [Fact]
    public void Schema_is_the_golden_one()
    {
        var schema = (JsonArray)JsonText.Parse(System.Text.Encoding.ASCII.GetString(
            SchemaText.Schema(CommandList.Create().Commands, Events.All).Utf8.Span));
        Check("tests/Daemon.Tests/Golden/query-qmp-schema.jsonl", string.Concat(schema.Items.Select(entity => entity + "\n")));
    }

    [Fact]
    public void Help_is_the_golden_one() => Check("tests/Daemon.Tests/Golden/help.txt", HelpText.Text);

    private static (string Text, FirstVersions Versions) Manual()
    {
        var versions = new FirstVersions(Root());
        return (ReferenceManual.Write(ManualPreface, CommandList.Create().Commands, Events.All, new RecordedExchanges(Root()).Of, versions.Of), versions);
    }

    private static void Check(string file, string text)
    {
        var path = Path.Combine(Root(), file);
        if (Environment.GetEnvironmentVariable("HOSTMEMD_REWRITE_GOLDEN") == "1")
            File.WriteAllText(path, text);
        Assert.Equal(File.ReadAllText(path), text);
    }

    private static string Root()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "Daemon.sln")))
            at = at.Parent ?? throw new InvalidOperationException("not in a checkout");
        return at.FullName;
    }
}
