namespace Hostmemd.Protocol.Tests.Session;

/// <summary>Which request is answered when: in band in turn, out of band at once, errors in their place.</summary>
public class OrderTests
{
    [Fact]
    public async Task In_band_commands_are_answered_in_order()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync(
            """{"execute": "hold", "arguments": {"name": "a"}, "id": "slow"}""",
            """{"execute": "echo", "arguments": {"text": "b"}, "id": "fast"}""",
            """{"execute": "fail", "arguments": {"name": "c"}, "id": "failing"}""");
        await session.Guest.At("a").ReachedAsync();
        session.Guest.At("a").Open();
        await session.ExpectAsync(
            """{"return": {}, "id": "slow"}""",
            """{"return": {"text": "b"}, "id": "fast"}""",
            """{"id": "failing", "error": {"class": "DeviceNotFound", "desc": "c"}}""");
    }

    [Fact]
    public async Task A_command_does_not_begin_before_the_one_ahead_of_it_has_ended()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync(
            """{"execute": "hold", "arguments": {"name": "a"}}""",
            """{"execute": "change"}""",
            """{"execute": "hold", "arguments": {"name": "b"}}""");
        await session.Guest.At("a").ReachedAsync();
        Assert.Equal(1UL, session.Guest.Generation);
        session.Guest.At("a").Open();
        await session.Guest.At("b").ReachedAsync();
        Assert.Equal(2UL, session.Guest.Generation);
        session.Guest.At("b").Open();
    }

    [Fact]
    public async Task Twenty_pipelined_commands_are_answered_in_order()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync([.. Enumerable.Range(0, 20).Select(i => $$$"""{"execute": "echo", "arguments": {"text": "x"}, "id": {{{i}}}}""")]);
        await session.ExpectAsync([.. Enumerable.Range(0, 20).Select(i => $$$"""{"return": {"text": "x"}, "id": {{{i}}}}""")]);
    }

    [Fact]
    public async Task Requests_may_come_on_one_line_and_without_its_end()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendBytesAsync("""{"execute":"echo","arguments":{"text":"a"}}{"execute":"echo","arguments":{"text":"b"}}"""u8.ToArray());
        await session.ExpectAsync("""{"return": {"text": "a"}}""", """{"return": {"text": "b"}}""");
    }

    [Fact]
    public async Task With_seven_waiting_an_out_of_band_command_overtakes_them()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync([.. Holds(8), """{"exec-oob": "echo-oob", "arguments": {"text": "x"}, "id": "oob"}"""]);
        await session.ExpectAsync("""{"return": {"text": "x"}, "id": "oob"}""");
        await OpenAndExpectAsync(session, 0, 8);
    }

    [Fact]
    public async Task With_eight_waiting_it_is_read_only_when_one_has_ended()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        // One write: the marker's reply leaves when the session has stopped reading, and what it read by then is answered before.
        await session.SendAsync([
            """{"exec-oob": "echo-oob", "arguments": {"text": "x"}, "id": "marker"}""",
            .. Holds(9),
            """{"exec-oob": "echo-oob", "arguments": {"text": "x"}, "id": "oob"}"""]);
        await session.ExpectAsync("""{"return": {"text": "x"}, "id": "marker"}""");
        await OpenAndExpectAsync(session, 0, 1);
        await session.ExpectAsync("""{"return": {"text": "x"}, "id": "oob"}""");
        await OpenAndExpectAsync(session, 1, 9);
    }

    [Fact]
    public async Task An_out_of_band_command_may_end_the_wait_of_the_one_in_band()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync(
            """{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""",
            """{"exec-oob": "release", "arguments": {"name": "a"}, "id": 2}""");
        await session.ExpectAsync("""{"return": {}, "id": 2}""", """{"return": {}, "id": 1}""");
    }

    [Fact]
    public async Task A_command_that_is_not_declared_for_it_does_not_run_out_of_band()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync(
            """{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""",
            """{"exec-oob": "change", "id": 2}""",
            """{"exec-oob": "no-such-command", "id": 3}""",
            """{"exec-oob": "echo-oob", "id": 4}""",
            """{"execute": "echo-oob", "arguments": {"text": "in band"}, "id": 5}""");
        await session.ExpectAsync(
            """{"id": 2, "error": {"class": "GenericError", "desc": "The command change does not support OOB"}}""",
            """{"id": 3, "error": {"class": "CommandNotFound", "desc": "The command no-such-command has not been found"}}""",
            """{"id": 4, "error": {"class": "GenericError", "desc": "Parameter 'text' is missing"}}""");
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {}, "id": 1}""", """{"return": {"text": "in band"}, "id": 5}""");
        Assert.Equal(1UL, session.Guest.Generation);
    }

    [Fact]
    public async Task Where_it_is_not_enabled_exec_oob_overtakes_nothing()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync(
            """{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""",
            """{"exec-oob": "release", "arguments": {"name": "a"}, "id": 2}""",
            """{"execute": "echo", "arguments": {"text": "b"}, "id": 3}""");
        session.EndSending();
        await session.Guest.At("a").ReachedAsync();
        session.Guest.At("a").Open();
        await session.ExpectAsync(
            """{"return": {}, "id": 1}""",
            """{"id": 2, "error": {"class": "GenericError", "desc": "QMP input member 'exec-oob' is unexpected"}}""",
            """{"return": {"text": "b"}, "id": 3}""");
        await session.ExpectEndAsync();
    }

    [Fact]
    public async Task A_parse_error_is_answered_in_its_place()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync(
            """{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""",
            """{"execute":}""",
            """{"execute": "echo", "arguments": {"text": "b"}, "id": 2}""");
        await session.Guest.At("a").ReachedAsync();
        session.Guest.At("a").Open();
        await session.ExpectAsync(
            """{"return": {}, "id": 1}""",
            """{"error": {"class": "GenericError", "desc": "3:12: JSON parse error, expecting value"}}""",
            """{"return": {"text": "b"}, "id": 2}""");
    }

    [Fact]
    public async Task A_byte_FF_inside_a_request_makes_one_error_and_a_clean_start()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendBytesAsync("{\"execute\": \"ec"u8.ToArray().Append((byte)0xFF).ToArray());
        await session.ExpectAsync("""{"error": {"class": "GenericError", "desc": "2:13: JSON parse error, stray '\"ec\uFFFD'"}}""");
        await session.SendAsync("""{"execute": "echo", "arguments": {"text": "b"}}""");
        await session.ExpectAsync("""{"return": {"text": "b"}}""");
    }

    [Theory]
    [InlineData("crash")]
    [InlineData("crash-later")]
    [InlineData("crash-writing")]
    public async Task A_bug_in_a_command_makes_an_error_and_the_session_lives(string command)
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync($$$"""{"execute": "{{{command}}}", "id": 1}""", """{"execute": "echo", "arguments": {"text": "b"}, "id": 2}""");
        await session.ExpectAsync(
            $$$"""{"id": 1, "error": {"class": "GenericError", "desc": "The command {{{command}}} failed inside the daemon; its log says more"}}""",
            """{"return": {"text": "b"}, "id": 2}""");
        Assert.Contains(session.Observed, seen => seen.Command == command && seen.Error is not (null or "QmpException"));
    }

    [Fact]
    public async Task Each_command_is_observed_once_with_what_it_ended_in()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync(
            """{"execute": "echo", "arguments": {"text": "b"}}""",
            """{"execute": "fail", "arguments": {"name": "c"}}""",
            """{"execute": "crash"}""",
            "[]");
        for (var i = 0; i < 4; i++)
            await session.ReceiveAsync();
        Assert.Equal(
            [("qmp_capabilities", null), ("echo", null), ("fail", "QmpException"), ("crash", "InvalidOperationException"), ("", "QmpException")],
            session.Observed);
    }

    private static IEnumerable<string> Holds(int count) =>
        Enumerable.Range(0, count).Select(i => $$$"""{"execute": "hold", "arguments": {"name": "{{{i}}}"}, "id": {{{i}}}}""");

    private static async Task OpenAndExpectAsync(TestSession session, int first, int end)
    {
        for (var i = first; i < end; i++)
        {
            session.Guest.At($"{i}").Open();
            await session.ExpectAsync($$$"""{"return": {}, "id": {{{i}}}}""");
        }
    }
}
