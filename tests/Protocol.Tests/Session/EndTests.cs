using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Session;

/// <summary>How a session ends: the client's end, ours, and what is answered before.</summary>
public class EndTests
{
    [Fact]
    public async Task Half_close_everything_that_came_is_answered_then_the_server_closes()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""", """{"execute": "big", "arguments": {"size": 3}, "id": 2}""");
        session.EndSending();
        await session.Guest.At("a").ReachedAsync();
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {}, "id": 1}""", """{"return": {"text": "xxx"}, "id": 2}""");
        await session.ExpectEndAsync();
    }

    [Fact]
    public async Task More_commands_than_may_wait_are_all_answered_after_half_close()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync([
            """{"execute": "hold", "arguments": {"name": "a"}, "id": -1}""",
            .. Enumerable.Range(0, 100).Select(i => $$$"""{"execute": "echo", "arguments": {"text": "x"}, "id": {{{i}}}}""")]);
        session.EndSending();
        await session.Guest.At("a").ReachedAsync();
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {}, "id": -1}""");
        for (var i = 0; i < 100; i++)
            await session.ExpectAsync($$$"""{"return": {"text": "x"}, "id": {{{i}}}}""");
        await session.ExpectEndAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("""{"execute": """)]
    [InlineData("\"abc")]
    [InlineData("12")]
    [InlineData("[[[[")]
    [InlineData("{]{")]
    public async Task An_end_with_an_unfinished_value_ends_the_session(string last)
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendBytesAsync(System.Text.Encoding.ASCII.GetBytes(last));
        session.EndSending();
        while (await session.ReceiveAsync() is { } line)
            Assert.Contains("parse error", line, StringComparison.Ordinal);
        await session.Served.WaitAsync(TestSession.Patience);
    }

    [Fact]
    public async Task What_is_left_at_the_end_is_not_waited_for_again()
    {
        var pipe = new System.IO.Pipelines.Pipe();
        await pipe.Writer.WriteAsync("[1] \n{"u8.ToArray());
        await pipe.Writer.CompleteAsync();
        var reader = new JsonPipeReader(pipe.Reader);
        Assert.False(reader.TryRead(out _));
        Assert.True(await reader.FillAsync(CancellationToken.None));
        Assert.True(reader.TryRead(out var reading));
        Assert.Equal("[1]", reading.Value?.ToString());
        Assert.False(reader.TryRead(out _));
        Assert.False(await reader.FillAsync(CancellationToken.None));
        Assert.False(await reader.FillAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_client_that_vanishes_before_its_answer_leaves_the_command_to_run_to_its_end()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "hold", "arguments": {"name": "a"}}""", """{"execute": "change"}""");
        await session.Guest.At("a").ReachedAsync();
        session.Vanish();
        session.Guest.At("a").Open();
        await session.Served.WaitAsync(TestSession.Patience);
        Assert.Contains(("hold", null), session.Observed);
    }

    [Fact]
    public async Task Finishing_lets_a_running_command_answer_and_reads_no_more()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""", """{"execute": "echo", "arguments": {"text": "b"}, "id": 2}""");
        await session.Guest.At("a").ReachedAsync();
        var finished = session.Session.FinishAsync();
        await session.SendAsync("""{"execute": "change"}""");
        Assert.False(finished.IsCompleted);
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {}, "id": 1}""");
        var next = await session.ReceiveAsync();
        // Read before the finish or not: what was read is answered.
        if (next is not null)
        {
            Assert.Equal("""{"return": {"text": "b"}, "id": 2}""", next);
            Assert.Null(await session.ReceiveAsync());
        }
        await finished.WaitAsync(TestSession.Patience);
        await session.Served.WaitAsync(TestSession.Patience);
        Assert.Equal(1UL, session.Guest.Generation);
    }

    [Fact]
    public async Task Finishing_an_idle_session_sends_what_waits_and_ends_it()
    {
        await using var session = await TestSession.NegotiatedAsync();
        session.Guest.Change();
        await session.Session.FinishAsync().WaitAsync(TestSession.Patience);
        await session.ExpectEventAsync("""{"event": "CHANGED", "data": {"generation": 2}}""");
        await session.ExpectEndAsync();
    }

    [Fact]
    public async Task Finishing_ends_a_session_whose_queue_is_full()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync([
            """{"exec-oob": "echo-oob", "arguments": {"text": "marker"}}""",
            .. Enumerable.Range(0, 12).Select(i => """{"execute": "hold", "arguments": {"name": "a"}}""")]);
        await session.ExpectAsync("""{"return": {"text": "marker"}}""");
        await UntilFullAsync(session);
        var finished = session.Session.FinishAsync();
        session.Guest.At("a").Open();
        var answers = 0;
        while (await session.ReceiveAsync() is not null)
            answers++;
        // The one that ran and the eight behind it.
        Assert.Equal(9, answers);
        await finished.WaitAsync(TestSession.Patience);
        await session.Served.WaitAsync(TestSession.Patience);
    }

    [Fact]
    public async Task Giving_up_on_a_client_ends_the_session_at_once()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync("""{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""");
        await session.Guest.At("a").ReachedAsync();
        session.Session.Dispose();
        await session.Session.Closed.WaitAsync(TestSession.Patience);
        await session.Served.WaitAsync(TestSession.Patience);
    }

    [Fact]
    public async Task Giving_up_does_not_wait_for_room_among_the_waiting_commands()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync([
            """{"exec-oob": "echo-oob", "arguments": {"text": "marker"}}""",
            .. Enumerable.Range(0, 12).Select(i => """{"execute": "hold", "arguments": {"name": "a"}}""")]);
        await session.ExpectAsync("""{"return": {"text": "marker"}}""");
        await UntilFullAsync(session);
        session.Session.Dispose();
        await session.Served.WaitAsync(TestSession.Patience);
    }

    private static async Task UntilFullAsync(TestSession session)
    {
        using var patience = new CancellationTokenSource(TestSession.Patience);
        while (!session.Session.InBand.IsFull)
            await Task.Delay(1, patience.Token);
    }
}
