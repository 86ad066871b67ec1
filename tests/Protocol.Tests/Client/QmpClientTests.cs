using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Client;

/// <summary>The client and our own server, both on the engine.</summary>
public sealed class QmpClientTests
{
    [Fact]
    public async Task A_command_is_carried_out_and_its_result_comes_back()
    {
        var (client, server) = await TinyServer.ConnectAsync();
        await using var _ = server;
        await using var __ = client;

        var result = await client.ExecuteAsync("echo", Arguments("""{"text": "ä \" \\ 𝄞"}"""));

        Assert.Equal("ä \" \\ 𝄞", Assert.IsType<JsonString>(result).Value);
        Assert.True(client.Greeting.Contains("QMP"));
        Assert.False(client.IsOobEnabled);
    }

    [Theory]
    [InlineData("fail", QmpErrorClass.DeviceNotFound, "Device 'd0' not found")]
    [InlineData("nonsense", QmpErrorClass.CommandNotFound, "The command nonsense has not been found")]
    [InlineData("echo", QmpErrorClass.GenericError, "Parameter 'text' is missing")]
    [InlineData("qmp_capabilities", QmpErrorClass.CommandNotFound, "Capabilities negotiation is already complete, command ignored")]
    public async Task An_error_comes_back_with_class_and_text(string command, QmpErrorClass errorClass, string text)
    {
        var (client, server) = await TinyServer.ConnectAsync();
        await using var _ = server;
        await using var __ = client;

        var error = await Assert.ThrowsAsync<QmpException>(() => client.ExecuteAsync(command));

        Assert.Equal((errorClass, text), (error.ErrorClass, error.Message));
        Assert.Equal("{}", (await client.ExecuteAsync("now")).ToString());
    }

    [Fact]
    public async Task Without_negotiation_the_first_command_is_the_callers()
    {
        var (client, server) = await TinyServer.ConnectAsync(new QmpClientOptions { Negotiate = false });
        await using var _ = server;
        await using var __ = client;

        var error = await Assert.ThrowsAsync<QmpException>(() => client.ExecuteAsync("now"));
        Assert.Equal("Expecting capabilities negotiation with 'qmp_capabilities'", error.Message);

        await client.ExecuteAsync("qmp_capabilities");
        await client.ExecuteAsync("now");
    }

    [Fact]
    public async Task An_out_of_band_command_overtakes_one_in_band()
    {
        var (client, server) = await TinyServer.ConnectAsync(new QmpClientOptions { EnableOob = true });
        await using var _ = server;
        await using var __ = client;
        Assert.True(client.IsOobEnabled);

        var waiting = client.ExecuteAsync("wait");
        await client.ExecuteAsync("now", outOfBand: true);

        Assert.False(waiting.IsCompleted);
        server.Gate.SetResult();
        await waiting;
    }

    [Fact]
    public async Task Out_of_band_without_asking_for_it_is_the_servers_error()
    {
        var (client, server) = await TinyServer.ConnectAsync();
        await using var _ = server;
        await using var __ = client;

        var error = await Assert.ThrowsAsync<QmpException>(() => client.ExecuteAsync("now", outOfBand: true));

        Assert.Equal("QMP input member 'exec-oob' is unexpected", error.Message);
    }

    [Fact]
    public async Task An_event_is_there_before_the_answer_behind_it()
    {
        var (client, server) = await TinyServer.ConnectAsync();
        await using var _ = server;
        await using var __ = client;

        await client.ExecuteAsync("tick");

        Assert.True(client.Events.TryRead(out var message));
        Assert.Equal("\"TICK\"", message["event"]?.ToString());
    }

    [Fact]
    public async Task Calls_from_many_threads_get_each_its_own_answer()
    {
        var (client, server) = await TinyServer.ConnectAsync();
        await using var _ = server;
        await using var __ = client;

        await Parallel.ForAsync(0, 1000, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, cancellationToken) =>
        {
            var text = $"{i}-{new string('x', i * 37 % 5000)}";
            var result = await client.ExecuteAsync("echo", new JsonObject([new("text", new JsonString(text))]), cancellationToken: cancellationToken);
            Assert.Equal(text, Assert.IsType<JsonString>(result).Value);
        });
    }

    [Fact]
    public async Task Cancelling_ends_the_wait_and_no_more()
    {
        var (client, server) = await TinyServer.ConnectAsync();
        await using var _ = server;
        await using var __ = client;
        using var impatience = new CancellationTokenSource();

        var waiting = client.ExecuteAsync("wait", cancellationToken: impatience.Token);
        await impatience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        server.Gate.SetResult();
        await client.ExecuteAsync("now");
    }

    private static JsonObject Arguments(string text) => (JsonObject)JsonText.Parse(text);
}
