using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>What a look for borrowers costs must not grow with what the daemon itself has open: it has every backend's file.</summary>
public sealed class LoanCostTests
{
    private const int Backends = 50;

    [Fact]
    public async Task Own_descriptors_are_not_looked_through_and_a_file_is_asked_once_what_it_is()
    {
        var kernel = new FailingKernel(new LinuxKernel());
        await using var guest = await InProcessGuest.StartAsync(kernel, "-machine none -accel none");
        var client = await guest.ConnectAsync();
        for (var i = 0; i < Backends; i++)
            await client.ExchangeAsync(
                $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m{{{i}}}", "size": 65536}}""", """{"return": {}}""");

        Assert.Equal(Backends, await LoansAsync(client));
        // The first look finds out what each file is.
        Assert.Equal(Backends, kernel.Links.Count(link => link.Length == 0));
        Assert.DoesNotContain(kernel.Links, IsOwn);
        kernel.Links.Clear();
        Assert.Equal(Backends, await LoansAsync(client));
        await client.AskAsync("""{"execute": "query-memory-usage"}""");

        // Others were looked through, and nothing of the daemon's own.
        Assert.Contains(kernel.Links, link => link.Contains("/fd/", StringComparison.Ordinal));
        Assert.DoesNotContain(kernel.Links, link => link.Length == 0 || IsOwn(link));
    }

    private static bool IsOwn(string link) => link.StartsWith($"/proc/{Environment.ProcessId}/fd/", StringComparison.Ordinal);

    private static async Task<int> LoansAsync(QmpClient client) =>
        (await client.AskAsync("""{"execute": "query-memory-loans"}""")).GetProperty("return").GetArrayLength();
}
