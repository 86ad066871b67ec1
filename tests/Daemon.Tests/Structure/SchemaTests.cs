using System.Text;
using System.Text.Json;
using Xunit;

namespace Hostmemd.Daemon.Tests.Structure;

/// <summary>query-qmp-schema beside the one of QEMU 11.1.3.</summary>
public sealed class SchemaTests : IAsyncLifetime
{
    private static readonly JsonElement Reference = JsonDocument.Parse(
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "reference", "query-qmp-schema.json"))).RootElement;

    private InProcessGuest _guest = null!;
    private JsonElement _schema;

    private static HashSet<string> ReferenceNames =>
        [.. Reference.EnumerateArray().Where(IsCommandOrEvent).Select(entity => entity.GetProperty("name").GetString()!)];

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(new FakeKernel(), "-accel none");
        var client = await _guest.ConnectAsync();
        _schema = (await client.AskAsync("""{"execute": "query-qmp-schema"}""")).GetProperty("return");
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Fact]
    public void Standard_commands_and_events_are_a_subset_of_qemus() =>
        Assert.Empty(SchemaComparison.Differences(_schema, Reference));

    [Fact]
    public void Own_commands_and_events_have_no_name_of_qemus_and_are_marked()
    {
        var own = _schema.EnumerateArray().Where(IsCommandOrEvent)
            .Where(entity => SchemaComparison.Features(entity).Contains("hostmemd")).Select(entity => entity.GetProperty("name").GetString()!).ToList();

        Assert.Contains("query-memory-slots", own);
        Assert.Contains("MEMORY_SLOT_ADDED", own);
        Assert.DoesNotContain(own, ReferenceNames.Contains);
        Assert.DoesNotContain(own, name => name.StartsWith("x-", StringComparison.Ordinal) || name.StartsWith("__", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Query_commands_lists_the_commands_of_the_schema()
    {
        var client = await _guest.ConnectAsync();
        var listed = (await client.AskAsync("""{"execute": "query-commands"}""")).GetProperty("return").EnumerateArray()
            .Select(command => command.GetProperty("name").GetString()!).Order();

        Assert.Equal(
            _schema.EnumerateArray().Where(entity => entity.GetProperty("meta-type").GetString() == "command")
                .Select(entity => entity.GetProperty("name").GetString()!).Order(),
            listed);
    }

    [Fact]
    public void Every_event_on_request_can_be_asked_for_and_no_other()
    {
        var byName = _schema.EnumerateArray().ToDictionary(entity => entity.GetProperty("name").GetString()!);
        var arguments = byName[byName["event-subscribe"].GetProperty("arg-type").GetString()!];
        var list = byName[arguments.GetProperty("members")[0].GetProperty("type").GetString()!];
        var values = byName[list.GetProperty("element-type").GetString()!].GetProperty("values").EnumerateArray().Select(value => value.GetString()!);

        Assert.Equal(
            byName.Values.Where(entity => entity.GetProperty("meta-type").GetString() == "event" && SchemaComparison.IsMarked(entity))
                .Select(entity => entity.GetProperty("name").GetString()!).Order(),
            values.Order());
    }

    [Theory]
    [InlineData("\"name\":\"size\",\"type\":\"int\"", "\"name\":\"size\",\"type\":\"str\"", "string, not int")]
    [InlineData("\"name\":\"id\",\"type\":\"str\"", "\"name\":\"id\",\"default\":null,\"type\":\"str\"", "optional in one of the two alone")]
    [InlineData("\"name\":\"merge\"", "\"name\":\"mergee\"", "'mergee' is not QEMU's and not marked")]
    [InlineData("\"name\":\"plugged-memory\"", "\"name\":\"base-memoryy\"", "'base-memoryy' is not QEMU's and not marked")]
    [InlineData("\"tag\":\"qom-type\"", "\"tag\":\"id\"", "tag id, not qom-type")]
    [InlineData("\"name\":\"query-status\"", "\"name\":\"query-stattus\"", "query-stattus is not QEMU's and not marked")]
    [InlineData("\"allow-oob\":true", "\"allow-oob\":false", "allow-oob differs")]
    [InlineData("\"name\":\"interleave\"", "\"name\":\"interleaved\"", "'interleaved' is not QEMU's and not marked")]
    public void A_deviation_would_be_found(string of, string into, string difference)
    {
        var text = Compact(_schema);
        Assert.Contains(of, text, StringComparison.Ordinal);

        var changed = JsonDocument.Parse(text.Replace(of, into, StringComparison.Ordinal)).RootElement;

        Assert.Contains(SchemaComparison.Differences(changed, Reference), found => found.Contains(difference, StringComparison.Ordinal));
    }

    private static bool IsCommandOrEvent(JsonElement entity) => entity.GetProperty("meta-type").GetString() is "command" or "event";

    private static string Compact(JsonElement value)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
            value.WriteTo(writer);
        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
