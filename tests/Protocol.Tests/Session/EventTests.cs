using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Session;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Session;

/// <summary>Who gets which event, and where it stands among the replies.</summary>
public class EventTests
{
    private const string Changed2 = """{"event": "CHANGED", "data": {"generation": 2}}""";

    [Fact]
    public async Task Events_go_to_sessions_that_have_negotiated_and_are_not_kept_for_others()
    {
        var guest = new TestGuest();
        await using var early = TestSession.Connect(guest);
        await using var negotiated = await TestSession.NegotiatedAsync(guest: guest);
        await early.ReceiveAsync();
        guest.Change();
        await negotiated.ExpectEventAsync(Changed2);
        await early.SendAsync("""{"execute": "qmp_capabilities"}""", """{"execute": "change"}""");
        await early.ExpectAsync("""{"return": {}}""");
        await early.ExpectEventAsync("""{"event": "CHANGED", "data": {"generation": 3}}""");
    }

    [Fact]
    public async Task Events_on_request_come_only_after_subscription_and_only_those()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync(
            """{"execute": "change"}""",
            """{"execute": "subscribe", "arguments": {"names": ["CHANGED_ON_REQUEST"]}}""",
            """{"execute": "change"}""",
            """{"execute": "subscribe", "arguments": {"names": ["TOLD_ON_REQUEST"]}}""",
            """{"execute": "change"}""");
        await session.ExpectEventAsync(
            Changed2,
            """{"return": {}}""",
            """{"return": {}}""",
            """{"event": "CHANGED", "data": {"generation": 3}}""",
            """{"event": "CHANGED_ON_REQUEST", "data": {"generation": 3}}""",
            """{"return": {}}""",
            """{"return": {}}""",
            """{"event": "CHANGED", "data": {"generation": 4}}""",
            """{"return": {}}""");
    }

    [Fact]
    public async Task Nobody_subscribes_before_negotiation()
    {
        await using var session = TestSession.Connect();
        await session.ReceiveAsync();
        session.Session.Subscribe(["CHANGED_ON_REQUEST"]);
        session.Guest.Change();
        await session.SendAsync("""{"execute": "qmp_capabilities"}""");
        await session.ExpectAsync("""{"return": {}}""");
    }

    [Fact]
    public async Task An_event_of_a_running_command_comes_before_its_reply()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "change", "id": 1}""", """{"execute": "echo", "arguments": {"text": "b"}, "id": 2}""");
        await session.ExpectEventAsync(Changed2);
        await session.ExpectAsync("""{"return": {}, "id": 1}""", """{"return": {"text": "b"}, "id": 2}""");
    }

    [Fact]
    public void An_event_tells_its_time_in_seconds_and_microseconds_and_leaves_empty_data_out()
    {
        var clock = new FixedClock(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero) + TimeSpan.FromMicroseconds(678_901));
        Assert.Equal(
            "{\"timestamp\": {\"seconds\": 1767323045, \"microseconds\": 678901}, \"event\": \"BARE\"}\r\n",
            Text(TestGuest.Bare.Make(Nothing.Value, clock).Utf8));
        Assert.Equal(
            "{\"timestamp\": {\"seconds\": 1767323045, \"microseconds\": 678901}, \"event\": \"TOLD\", \"data\": {\"text\": \"\\u00E9\"}}\r\n",
            Text(TestGuest.Told.Make(new TextValue { Text = "é" }, clock).Utf8));
    }

    [Fact]
    public async Task An_event_is_formatted_once_and_only_where_somebody_gets_it()
    {
        await using var session = await TestSession.NegotiatedAsync();
        var formatted = 0;
        EventMessage Counting(EventDeclaration declaration) => new(declaration, () =>
        {
            formatted++;
            return [.. TestGuest.Told.Make(new TextValue { Text = "t" }, TimeProvider.System).Utf8.Span];
        });

        session.Guest.Post(Counting(TestGuest.ToldOnRequest), 0);
        Assert.Equal(0, formatted);

        var told = Counting(TestGuest.Told);
        session.Guest.Post(told, 0);
        session.Guest.Post(told, 0);
        await session.ReceiveAsync();
        await session.ReceiveAsync();
        Assert.Equal(1, formatted);
    }

    [Fact]
    public async Task An_event_never_lands_inside_a_reply()
    {
        await using var session = await TestSession.NegotiatedAsync();
        var told = TestGuest.Told.Make(new TextValue { Text = "t" }, TimeProvider.System);
        var telling = Task.Run(async () =>
        {
            for (var i = 0; i < 2000; i++)
            {
                session.Guest.Post(told, 0);
                if (i % 20 == 0)
                    await Task.Yield();
            }
        });
        await session.SendAsync([.. Enumerable.Range(0, 20).Select(i => $$$"""{"execute": "big", "arguments": {"size": 200000}, "id": {{{i}}}}""")]);
        var (replies, events) = (0, 0);
        while (replies < 20 || events < 2000)
        {
            var line = Assert.IsType<JsonObject>(JsonText.Parse((await session.ReceiveAsync())!));
            if (line.Contains("event"))
                events++;
            else
                Assert.Equal($"{replies++}", line["id"]?.ToString());
        }
        await telling;
    }

    private static string Text(ReadOnlyMemory<byte> utf8) => System.Text.Encoding.UTF8.GetString(utf8.Span);

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
