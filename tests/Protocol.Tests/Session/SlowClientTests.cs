using System.Globalization;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Session;

/// <summary>A client that does not read costs bounded memory, and loses nothing that must not be lost while it stays.</summary>
public class SlowClientTests
{
    private const int HighMark = 1024 * 1024;

    [Fact]
    public async Task Requests_are_not_read_while_too_much_waits_to_be_sent()
    {
        const int Count = 100;
        const int Size = 100_000;
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync([.. Enumerable.Range(0, Count).Select(i => $$$"""{"execute": "big", "arguments": {"size": {{{Size}}}}, "id": {{{i}}}}""")]);
        await session.WaitForFirstByteAsync();
        for (var i = 0; i < Count; i++)
        {
            // What waits is at most the mark and one reply; a little more is in the pipe, and one command may just have begun.
            Assert.InRange(session.Guest.Begun - i, 0, (HighMark + 128 * 1024) / Size + 3);
            var line = await session.ReceiveAsync();
            Assert.EndsWith($"\"id\": {i}}}", line, StringComparison.Ordinal);
        }
        Assert.Equal(Count, session.Guest.Begun);
    }

    [Fact]
    public async Task Events_on_request_are_dropped_counted_and_told_of_when_there_is_room()
    {
        await using var session = await StuckAsync();
        for (var i = 0; i < 5; i++)
            session.Guest.Post(TestGuest.ToldOnRequest.Make(new TextValue { Text = "dropped" }, TimeProvider.System), 0);
        session.Guest.Post(TestGuest.Told.Make(new TextValue { Text = "kept" }, TimeProvider.System), 0);
        await ExpectBigReplyAsync(session);
        await session.ExpectEventAsync("""{"event": "TOLD", "data": {"text": "kept"}}""", """{"event": "EVENTS_LOST", "data": {"count": 5}}""");
        session.Guest.Post(TestGuest.ToldOnRequest.Make(new TextValue { Text = "again" }, TimeProvider.System), 0);
        await session.ExpectEventAsync("""{"event": "TOLD_ON_REQUEST", "data": {"text": "again"}}""");
    }

    [Fact]
    public async Task Events_on_request_alone_never_end_a_session()
    {
        await using var session = await TestSession.NegotiatedAsync();
        session.Session.Subscribe(["TOLD_ON_REQUEST"]);
        var told = TestGuest.ToldOnRequest.Make(new TextValue { Text = new string('t', 1000) }, TimeProvider.System);
        var posted = 6 * HighMark / told.Utf8.Length;
        for (var i = 0; i < posted; i++)
            session.Session.Post(told, 0);
        Assert.InRange(await ReceiveAllOrLostAsync(session, posted), 1, posted / 2);
        await session.SendAsync("""{"execute": "echo", "arguments": {"text": "b"}}""");
        await session.ExpectAsync("""{"return": {"text": "b"}}""");
    }

    [Fact]
    public async Task Standard_events_are_kept_up_to_the_bound()
    {
        await using var session = await StuckAsync();
        var told = TestGuest.Told.Make(new TextValue { Text = new string('t', 1000) }, TimeProvider.System);
        var count = HighMark / told.Utf8.Length;
        for (var i = 0; i < count; i++)
            session.Guest.Post(told, 0);
        await ExpectBigReplyAsync(session);
        for (var i = 0; i < count; i++)
            Assert.Contains("TOLD", await session.ReceiveAsync(), StringComparison.Ordinal);
        await session.SendAsync("""{"execute": "echo", "arguments": {"text": "b"}}""");
        await session.ExpectAsync("""{"return": {"text": "b"}}""");
    }

    [Fact]
    public async Task Standard_events_beyond_the_bound_end_the_session()
    {
        await using var session = await StuckAsync();
        PostTooMuch(session, 0);
        await session.Session.Closed.WaitAsync(TestSession.Patience);
        await session.Served.WaitAsync(TestSession.Patience);
    }

    [Fact]
    public async Task Events_held_for_a_reply_are_bounded_too()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "read", "arguments": {"name": "a"}}""");
        await session.Guest.At("a").ReachedAsync();
        PostTooMuch(session, 2);
        await session.Session.Closed.WaitAsync(TestSession.Patience);
        session.Guest.At("a").Open();
        await session.Served.WaitAsync(TestSession.Patience);
    }

    [Fact]
    public async Task Events_on_request_held_for_a_reply_are_dropped_beyond_the_bound_and_told_of()
    {
        await using var session = await TestSession.NegotiatedAsync();
        session.Session.Subscribe(["TOLD_ON_REQUEST"]);
        await session.SendAsync("""{"execute": "read", "arguments": {"name": "a"}}""");
        await session.Guest.At("a").ReachedAsync();
        var told = TestGuest.ToldOnRequest.Make(new TextValue { Text = new string('t', 1000) }, TimeProvider.System);
        var posted = 2 * HighMark / told.Utf8.Length;
        for (var i = 0; i < posted; i++)
            session.Session.Post(told, 2);
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {"generation": 1}}""");
        Assert.InRange(await ReceiveAllOrLostAsync(session, posted), 1, HighMark / told.Utf8.Length + 1);
    }

    [Fact]
    public async Task The_other_sessions_do_not_notice()
    {
        var guest = new TestGuest();
        await using var stuck = await StuckAsync(guest);
        await using var other = await TestSession.NegotiatedAsync(guest: guest);
        guest.Change();
        await other.ExpectEventAsync("""{"event": "CHANGED", "data": {"generation": 2}}""");
        PostTooMuch(stuck, 0);
        guest.Change();
        await other.ExpectEventAsync("""{"event": "CHANGED", "data": {"generation": 3}}""");
        await other.SendAsync("""{"execute": "echo", "arguments": {"text": "b"}}""", """{"execute": "change"}""");
        await other.ExpectEventAsync(
            """{"return": {"text": "b"}}""",
            """{"event": "CHANGED", "data": {"generation": 4}}""",
            """{"return": {}}""");
    }

    /// <summary>A session whose client has asked for more than the mark and reads none of it.</summary>
    private static async Task<TestSession> StuckAsync(TestGuest? guest = null)
    {
        var session = await TestSession.NegotiatedAsync(guest: guest);
        session.Session.Subscribe(["TOLD_ON_REQUEST", "EVENTS_LOST"]);
        await session.SendAsync($$$"""{"execute": "big", "arguments": {"size": {{{2 * HighMark}}}}}""");
        await session.WaitForFirstByteAsync();
        return session;
    }

    private static async Task ExpectBigReplyAsync(TestSession session)
    {
        var line = await session.ReceiveAsync();
        Assert.Equal(2 * HighMark + """{"return": {"text": ""}}""".Length, line?.Length);
    }

    /// <summary>Receives until all that was posted has come or is counted as lost.</summary>
    /// <returns>How many came.</returns>
    private static async Task<int> ReceiveAllOrLostAsync(TestSession session, int posted)
    {
        var (received, lost) = (0, 0);
        while (received + lost < posted)
        {
            var line = (JsonObject)JsonText.Parse((await session.ReceiveAsync())!);
            if (line["event"]?.ToString() == "\"EVENTS_LOST\"")
                lost += int.Parse(((JsonObject)line["data"]!)["count"]!.ToString(), CultureInfo.InvariantCulture);
            else
                received++;
        }
        Assert.Equal(posted, received + lost);
        return received;
    }

    private static void PostTooMuch(TestSession session, ulong generation)
    {
        var told = TestGuest.Told.Make(new TextValue { Text = new string('t', 1000) }, TimeProvider.System);
        for (var i = 0; i < 2 * HighMark / 1000; i++)
            session.Session.Post(told, generation);
    }
}
