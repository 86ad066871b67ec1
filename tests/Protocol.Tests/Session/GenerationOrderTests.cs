namespace Hostmemd.Protocol.Tests.Session;

/// <summary>The order rule: a reply made from generation g comes before the events of later generations.</summary>
public class GenerationOrderTests
{
    private const string Changed2 = """{"event": "CHANGED", "data": {"generation": 2}}""";
    private const string Changed3 = """{"event": "CHANGED", "data": {"generation": 3}}""";

    [Fact]
    public async Task An_event_of_a_change_waits_for_the_reply_that_did_not_see_it()
    {
        var guest = new TestGuest();
        await using var changing = await TestSession.NegotiatedAsync(guest: guest);
        await using var reading = await TestSession.NegotiatedAsync(guest: guest);
        await reading.SendAsync("""{"execute": "read", "arguments": {"name": "a"}, "id": 1}""");
        await guest.At("a").ReachedAsync();
        await changing.SendAsync("""{"execute": "change"}""", """{"execute": "change"}""");
        // The one who changes reads nothing: its own events are not held.
        await changing.ExpectEventAsync(Changed2, """{"return": {}}""", Changed3, """{"return": {}}""");
        guest.At("a").Open();
        await reading.ExpectAsync("""{"return": {"generation": 1}, "id": 1}""");
        await reading.ExpectEventAsync(Changed2, Changed3);
    }

    [Fact]
    public async Task Events_that_were_held_leave_with_their_reply_in_one_write()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "read", "arguments": {"name": "a"}, "id": 1}""");
        await session.Guest.At("a").ReachedAsync();
        session.Guest.Change();
        session.Guest.Change();
        var before = session.Writes;
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {"generation": 1}, "id": 1}""");
        await session.ExpectEventAsync(Changed2, Changed3);
        Assert.Equal(before + 1, session.Writes);
    }

    [Fact]
    public async Task An_event_of_what_the_reply_did_see_is_not_held()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "read", "arguments": {"name": "a"}, "id": 1}""");
        await session.Guest.At("a").ReachedAsync();
        session.Guest.Post(TestGuest.Changed.Make(new GenerationValue { Generation = 1 }, TimeProvider.System), 1);
        await session.ExpectEventAsync("""{"event": "CHANGED", "data": {"generation": 1}}""");
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {"generation": 1}, "id": 1}""");
    }

    [Fact]
    public async Task An_event_that_tells_of_no_change_is_not_held()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "read", "arguments": {"name": "a"}, "id": 1}""");
        await session.Guest.At("a").ReachedAsync();
        session.Guest.Post(TestGuest.Told.Make(new TextValue { Text = "t" }, TimeProvider.System), 0);
        await session.ExpectEventAsync("""{"event": "TOLD", "data": {"text": "t"}}""");
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {"generation": 1}, "id": 1}""");
    }

    [Fact]
    public async Task When_the_reply_is_in_events_flow_again()
    {
        await using var session = await TestSession.NegotiatedAsync();
        session.Guest.At("a").Open();
        await session.SendAsync("""{"execute": "read", "arguments": {"name": "a"}}""", """{"execute": "hold", "arguments": {"name": "b"}}""");
        await session.ExpectAsync("""{"return": {"generation": 1}}""");
        await session.Guest.At("b").ReachedAsync();
        session.Guest.Change();
        await session.ExpectEventAsync(Changed2);
        session.Guest.At("b").Open();
        await session.ExpectAsync("""{"return": {}}""");
    }

    [Fact]
    public async Task A_command_that_reads_twice_is_bound_by_what_it_read_first()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "read-twice", "arguments": {"name": "a"}, "id": 1}""");
        await session.Guest.At("a once").ReachedAsync();
        session.Guest.Change();
        session.Guest.At("a once").Open();
        await session.Guest.At("a").ReachedAsync();
        session.Guest.Post(TestGuest.Changed.Make(new GenerationValue { Generation = 2 }, TimeProvider.System), 2);
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {"generation": 1}, "id": 1}""");
        await session.ExpectEventAsync(Changed2, Changed2);
    }

    [Fact]
    public async Task A_reply_out_of_band_does_not_free_the_events_held_for_the_one_in_band()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync("""{"execute": "read", "arguments": {"name": "a"}, "id": 1}""");
        await session.Guest.At("a").ReachedAsync();
        session.Guest.Change();
        await session.SendAsync("""{"exec-oob": "echo-oob", "arguments": {"text": "x"}, "id": 2}""");
        await session.ExpectAsync("""{"return": {"text": "x"}, "id": 2}""");
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {"generation": 1}, "id": 1}""");
        await session.ExpectEventAsync(Changed2);
    }

    [Fact]
    public async Task A_failing_command_frees_the_events_too()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""", "{]");
        await session.Guest.At("a").ReachedAsync();
        session.Session.Pin(() => (0, 1UL));
        session.Guest.Change();
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {}, "id": 1}""");
        await session.ExpectEventAsync(Changed2);
    }
}
