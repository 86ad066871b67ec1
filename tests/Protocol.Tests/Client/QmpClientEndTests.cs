using System.Text;
using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Client;

/// <summary>How a client's connection begins wrongly, and how it ends.</summary>
public sealed class QmpClientEndTests
{
    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2", "the server does not speak QMP: 1:1: JSON parse error, ")]
    [InlineData("""{"return": {}}""", """the server does not speak QMP: no greeting, but {"return": {}}""")]
    [InlineData("[1]", "the server does not speak QMP: no greeting, but [1]")]
    public async Task A_server_that_greets_wrongly_is_refused(string greeting, string text)
    {
        var peer = new ScriptedPeer();
        await peer.SayAsync(greeting);

        var e = await Assert.ThrowsAsync<QmpConnectionException>(() => QmpClient.ConnectAsync(peer.ClientPipe));

        Assert.StartsWith(text, e.Message, StringComparison.Ordinal);
        await peer.ClientClosesAsync();
    }

    [Fact]
    public async Task A_server_that_closes_before_the_greeting_is_told()
    {
        var peer = new ScriptedPeer();
        await peer.CloseAsync();

        var e = await Assert.ThrowsAsync<QmpConnectionException>(() => QmpClient.ConnectAsync(peer.ClientPipe));

        Assert.Equal("the server closed the connection", e.Message);
    }

    [Fact]
    public async Task A_server_that_never_greets_is_waited_for_as_long_as_the_caller_likes()
    {
        var peer = new ScriptedPeer();
        using var impatience = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => QmpClient.ConnectAsync(peer.ClientPipe, null, impatience.Token));

        await peer.ClientClosesAsync();
    }

    [Fact]
    public async Task Calls_fail_when_the_server_goes_away()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        var call = client.ExecuteAsync("a");
        await peer.HearAsync();
        await peer.CloseAsync();

        Assert.Equal("the server closed the connection", (await Assert.ThrowsAsync<QmpConnectionException>(() => call)).Message);
        await client.Completion;
        Assert.Equal(
            "the server closed the connection",
            (await Assert.ThrowsAsync<QmpConnectionException>(() => client.ExecuteAsync("b"))).Message);
        Assert.False(await client.Events.WaitToReadAsync());
    }

    [Theory]
    [InlineData("}", "the server does not speak QMP: 2:15: JSON parse error, ")]
    [InlineData("7", "the server does not speak QMP: 7")]
    [InlineData("{\"foo\": 1}", "the server does not speak QMP: {\"foo\": 1}")]
    public async Task Garbage_from_the_server_ends_the_connection_and_is_shown(string garbage, string text)
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        var call = client.ExecuteAsync("a");
        await peer.HearAsync();
        await peer.SayAsync("""{"event": "E"}""" + garbage);

        Assert.StartsWith(text, (await Assert.ThrowsAsync<QmpConnectionException>(() => call)).Message, StringComparison.Ordinal);
        Assert.StartsWith(text, (await Assert.ThrowsAsync<QmpConnectionException>(() => client.Completion)).Message, StringComparison.Ordinal);
        Assert.Equal("\"E\"", (await client.Events.ReadAsync())["event"]?.ToString());
        await Assert.ThrowsAnyAsync<QmpConnectionException>(async () => await client.Events.WaitToReadAsync());
    }

    [Fact]
    public async Task What_is_shown_of_garbage_is_short()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        await peer.SayAsync($"[\"{new string('x', 10_000)}\"]");

        Assert.InRange((await Assert.ThrowsAsync<QmpConnectionException>(() => client.Completion)).Message.Length, 1, 300);
    }

    [Fact]
    public async Task A_listener_that_fails_ends_the_connection()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync(new QmpClientOptions
        {
            Unsolicited = message =>
            {
                if (message.Contains("event"))
                    throw new InvalidOperationException("no paper");
            },
        });
        await using var _ = client;

        await peer.SayAsync("""{"event": "E"}""");

        var e = await Assert.ThrowsAsync<QmpConnectionException>(() => client.Completion);
        Assert.Equal("the connection broke: no paper", e.Message);
    }

    [Fact]
    public async Task Disposing_ends_waiting_calls_and_closes_the_connection()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();

        var answered = client.ExecuteAsync("a");
        // More than the pipe takes: this one waits for the server to read.
        var unsent = client.ExecuteAsync("b", new JsonObject([new("x", new JsonString(new string('x', 1_000_000)))]));
        await client.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        await client.DisposeAsync();

        Assert.Equal("the connection was closed on this side", (await Assert.ThrowsAsync<QmpConnectionException>(() => answered)).Message);
        await Assert.ThrowsAsync<QmpConnectionException>(() => unsent);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.ExecuteAsync("c"));
        await client.Completion;
        await peer.ClientClosesAsync();
    }

    [Fact]
    public async Task An_answer_may_come_in_pieces_of_any_size()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        var call = client.ExecuteAsync("a");
        await peer.HearAsync();
        foreach (var piece in Encoding.UTF8.GetBytes("""{"return": {"x": "ä"}, "id": 2}"""))
            await peer.SayBytesAsync([piece]);

        Assert.Equal("""{"x": "\u00E4"}""", (await call).ToString());
    }
}
