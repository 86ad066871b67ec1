using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Client;

/// <summary>The client against a server that says what it likes.</summary>
public sealed class QmpClientWireTests
{
    [Fact]
    public async Task Commands_leave_as_lines_with_numbers_as_ids()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        var calls = new[]
        {
            client.ExecuteAsync("a"),
            client.ExecuteAsync("b", new JsonObject([new("x", JsonNumber.Of(1))])),
            client.ExecuteAsync("c", outOfBand: true),
        };

        Assert.Equal("""{"execute": "a", "id": 2}""", await peer.HearAsync());
        Assert.Equal("""{"execute": "b", "arguments": {"x": 1}, "id": 3}""", await peer.HearAsync());
        Assert.Equal("""{"exec-oob": "c", "id": 4}""", await peer.HearAsync());
        await peer.SayAsync("""{"return": 4, "id": 4} {"id": 2, "return": 2}""");
        await peer.SayAsync("""{"return": 3, "id": 3}""");
        Assert.Equal(["2", "3", "4"], (await Task.WhenAll(calls)).Select(result => result.ToString()));
    }

    [Fact]
    public async Task A_member_that_is_not_wanted_is_left_out_of_that_answer_and_not_of_the_next()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        var call = client.ExecuteWithoutAsync("ways", "loans");
        Assert.Equal("""{"execute": "loans", "id": 2}""", await peer.HearAsync());
        await peer.SayAsync("""{"return": [{"ways": [{"reason": "]"}], "state": "free"}], "id": 2}""");
        Assert.Equal("""[{"state": "free"}]""", (await call).ToString());
        call = client.ExecuteAsync("loans");
        await peer.SayAsync("""{"return": [{"ways": [], "state": "free"}], "id": 3}""");
        Assert.Equal("""[{"ways": [], "state": "free"}]""", (await call).ToString());
    }

    [Fact]
    public async Task Oob_is_enabled_where_it_is_offered()
    {
        var peer = new ScriptedPeer();
        var connecting = QmpClient.ConnectAsync(peer.ClientPipe, new QmpClientOptions { EnableOob = true });
        await peer.SayAsync(ScriptedPeer.Greeting);

        Assert.StartsWith("""{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": """, await peer.HearAsync(), StringComparison.Ordinal);
        await peer.SayAsync("""{"return": {}, "id": 2}""");
        await using var client = await connecting;
        Assert.True(client.IsOobEnabled);
    }

    [Fact]
    public async Task Oob_is_not_asked_for_where_it_is_not_offered()
    {
        var peer = new ScriptedPeer();
        var connecting = QmpClient.ConnectAsync(peer.ClientPipe, new QmpClientOptions { EnableOob = true });
        await peer.SayAsync("""{"QMP": {"version": {}, "capabilities": []}}""");

        Assert.StartsWith("""{"execute": "qmp_capabilities", "id": """, await peer.HearAsync(), StringComparison.Ordinal);
        await peer.SayAsync("""{"return": {}, "id": 2}""");
        await using var client = await connecting;
        Assert.False(client.IsOobEnabled);
    }

    [Fact]
    public async Task Answers_that_are_nobodys_are_dropped()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        var call = client.ExecuteAsync("a");
        await peer.HearAsync();
        await peer.SayAsync("""{"return": 0, "id": 77} {"return": 0, "id": "2"} {"return": 0} {"return": 0, "id": 2.5} {"return": 0, "id": [2]}""");
        await peer.SayAsync("""{"error": {"class": "GenericError", "desc": "x"}, "id": 78}""");
        await peer.SayAsync("""{"return": 1, "id": 2} {"return": 0, "id": 1}""");

        Assert.Equal("1", (await call).ToString());
        var next = client.ExecuteAsync("b");
        await peer.HearAsync();
        await peer.SayAsync("""{"return": 2, "id": 3}""");
        Assert.Equal("2", (await next).ToString());
        Assert.False(client.Events.TryRead(out var _));
    }

    [Fact]
    public async Task An_error_without_an_id_comes_with_the_events_and_answers_nobody()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        var call = client.ExecuteAsync("a");
        await peer.SayAsync("""{"error": {"class": "GenericError", "desc": "JSON parse error"}}""");

        Assert.True((await client.Events.ReadAsync()).Contains("error"));
        Assert.False(call.IsCompleted);
        await peer.SayAsync("""{"return": {}, "id": 2}""");
        await call;
    }

    [Theory]
    [InlineData("""{"class": "Unheard", "desc": "x"}""", QmpErrorClass.GenericError, "x")]
    [InlineData("""{"class": "3", "desc": "x"}""", QmpErrorClass.GenericError, "x")]
    [InlineData("""{"class": "KVMMissingCap"}""", QmpErrorClass.KVMMissingCap, """{"error": {"class": "KVMMissingCap"}, "id": 2}""")]
    [InlineData("null", QmpErrorClass.GenericError, """{"error": null, "id": 2}""")]
    public async Task An_error_of_another_shape_is_an_error_nevertheless(string error, QmpErrorClass errorClass, string text)
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync();
        await using var _ = client;

        var call = client.ExecuteAsync("a");
        await peer.HearAsync();
        await peer.SayAsync($$"""{"error": {{error}}, "id": 2}""");

        var thrown = await Assert.ThrowsAsync<QmpException>(() => call);
        Assert.Equal((errorClass, text), (thrown.ErrorClass, thrown.Message));
    }

    [Fact]
    public async Task Events_that_nobody_reads_are_dropped_from_the_oldest_and_counted()
    {
        var (client, peer) = await ScriptedPeer.ConnectAsync(new QmpClientOptions { EventCapacity = 2 });
        await using var _ = client;

        var call = client.ExecuteAsync("a");
        await peer.HearAsync();
        for (var i = 0; i < 5; i++)
            await peer.SayAsync($$"""{"event": "E{{i}}"}""");
        await peer.SayAsync("""{"return": {}, "id": 2}""");
        await call;

        Assert.Equal(3, client.EventsDropped);
        Assert.Equal("\"E3\"", (await client.Events.ReadAsync())["event"]?.ToString());
        Assert.Equal("\"E4\"", (await client.Events.ReadAsync())["event"]?.ToString());
    }

    [Fact]
    public async Task What_answers_no_call_is_told_in_the_order_it_comes()
    {
        var seen = new List<string>();
        var (client, peer) = await ScriptedPeer.ConnectAsync(new QmpClientOptions { Unsolicited = message => seen.Add(message.ToString()) });
        await using var _ = client;

        var call = client.ExecuteAsync("a");
        await peer.HearAsync();
        await client.SendVerbatimAsync("{\"execute\":\n"u8.ToArray(), CancellationToken.None);
        Assert.Equal("{\"execute\":", await peer.HearAsync());
        await peer.SayAsync("""{"event": "E"} {"return": 7, "id": "mine"} {"return": {}, "id": 2}""");
        await call;

        Assert.Equal([ScriptedPeer.Greeting, """{"event": "E"}""", """{"return": 7, "id": "mine"}"""], seen);
    }

    [Fact]
    public async Task A_server_that_greets_nobody_is_asked_at_once()
    {
        var peer = new ScriptedPeer();
        await using var client = await QmpClient.ConnectAsync(
            peer.ClientPipe, new QmpClientOptions { ExpectGreeting = false, Negotiate = false });

        var call = client.ExecuteAsync("guest-ping");
        Assert.StartsWith("{\"execute\": \"guest-ping\"", await peer.HearAsync(), StringComparison.Ordinal);
        await peer.SayAsync("""{"return": 1, "id": 2}""");

        Assert.Equal("1", (await call).ToString());
    }
}
