using System.Text.Json;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>What can fail of making memory known to others closes the path way, and nothing else.</summary>
public sealed class OfferTests
{
    private const string Add = """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""";
    private const string Done = """{"return": {}}""";

    [Theory]
    [InlineData(nameof(IKernel.Fchmod))]
    [InlineData(nameof(IKernel.EpollCreate))]
    [InlineData(nameof(IKernel.Socketpair))]
    [InlineData(nameof(IKernel.EpollAdd))]
    [InlineData(nameof(IKernel.InotifyInit))]
    [InlineData(nameof(IKernel.InotifyAdd))]
    public async Task The_memory_is_made_all_the_same(string call)
    {
        var kernel = new FakeKernel();
        await using var guest = await InProcessGuest.StartAsync(kernel);
        var client = await guest.ConnectAsync();
        kernel.FailAt(call, 1, Errno.ENOSPC);

        await client.ExchangeAsync(Add, Done);

        var ways = await WaysAsync(client);
        Assert.Equal($"{call}: No space left on device, use 'cpr'", ways[0].GetProperty("reason").GetString());
        Assert.True(ways[2].GetProperty("usable").GetBoolean());
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
        // And the next one finds all in order.
        await client.ExchangeAsync(Add, Done);
        Assert.True((await WaysAsync(client))[0].GetProperty("usable").GetBoolean());
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
    }

    [Fact]
    public async Task A_watch_that_cannot_be_taken_away_is_told_in_the_log()
    {
        var kernel = new FakeKernel();
        await using var guest = await InProcessGuest.StartAsync(kernel);
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(Add, Done);
        await WaysAsync(client);
        kernel.FailAt(nameof(IKernel.InotifyRemove), 1, Errno.EINVAL);

        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);

        Assert.Contains("still watched", Assert.Single(guest.Sink.Errors), StringComparison.Ordinal);
    }

    private static async Task<JsonElement> WaysAsync(QmpClient client)
    {
        var reply = await client.AskAsync("""{"execute": "query-memory-loans", "arguments": {"memdev": "m"}}""");
        return reply.TryGetProperty("return", out var loans) ? loans[0].GetProperty("ways") : throw new InvalidDataException(reply.GetRawText());
    }
}
