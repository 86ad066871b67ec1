using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>query-stats and query-stats-schemas: names, units and values come from the kernel.</summary>
public sealed class StatsTests
{
    private const string Q35 = "-machine q35 -m 2M";

    [KvmFact]
    public async Task The_VM_is_counted_always_and_the_vCPU_once_it_is_there()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Q35);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """{"execute": "query-stats", "arguments": {"target": "vm"}}""",
            """{"return": [{"provider": "kvm", "stats": {"$list-with": [{"name": "pages_4k", "value": "$int"}]}}]}""");
        await client.ExchangeAsync("""{"execute": "query-stats", "arguments": {"target": "vcpu"}}""", """{"return": []}""");
        await client.ExchangeAsync(
            """{"execute": "query-stats-schemas"}""",
            """
            {"return": [{"provider": "kvm", "target": "vm",
              "stats": {"$list-with": [{"name": "pages_4k", "type": "instant", "exponent": 0}, {"name": "mmu_cache_miss", "type": "cumulative", "exponent": 0}]}}]}
            """);

        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 0, "data": "AAAA"}}""",
            """{"return": {"$object-with": {"outcome": "done"}}}""");
        var exits = await ExitsAsync(client);
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 4096, "data": "AAAA"}}""",
            """{"return": {"$object-with": {"outcome": "done"}}}""");

        Assert.InRange(await ExitsAsync(client), exits + 1, long.MaxValue);
        await client.ExchangeAsync(
            """{"execute": "query-stats", "arguments": {"target": "vcpu", "providers": [{"provider": "kvm", "names": ["guest_mode", "zzz"]}]}}""",
            """{"return": [{"provider": "kvm", "stats": [{"name": "guest_mode", "value": false}]}]}""");
        await client.ExchangeAsync(
            """{"execute": "query-stats-schemas", "arguments": {"provider": "kvm"}}""",
            """
            {"return": [
              {"provider": "kvm", "target": "vcpu", "stats": {"$list-with": [
                {"name": "guest_mode", "type": "instant", "unit": "boolean", "exponent": 0},
                {"name": "halt_wait_ns", "type": "cumulative", "unit": "seconds", "base": 10, "exponent": -9},
                {"name": "halt_wait_hist", "type": "log2-histogram", "unit": "seconds", "base": 10, "exponent": -9}]}},
              {"provider": "kvm", "target": "vm", "stats": "$any"}]}
            """);
        var histogram = await client.AskAsync(
            """{"execute": "query-stats", "arguments": {"target": "vcpu", "providers": [{"provider": "kvm", "names": ["halt_wait_hist"]}]}}""");
        Assert.Equal(32, histogram.GetProperty("return")[0].GetProperty("stats")[0].GetProperty("value").GetArrayLength());
    }

    [Theory]
    [InlineData("\"target\": \"vm\"")]
    [InlineData("\"target\": \"vcpu\"")]
    [InlineData("\"target\": \"cryptodev\"")]
    [InlineData("\"target\": \"vm\", \"providers\": []")]
    public async Task Without_KVM_nothing_is_counted(string arguments)
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), Q35 + " -accel none");
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync($$$"""{"execute": "query-stats", "arguments": {{{{arguments}}}} }""", """{"return": []}""");
        await client.ExchangeAsync("""{"execute": "query-stats-schemas"}""", """{"return": []}""");
    }

    [Theory]
    [InlineData("", "Parameter 'target' is missing")]
    [InlineData("\"target\": \"zzz\"", "Parameter 'target' does not accept value 'zzz'")]
    [InlineData("\"target\": \"vm\", \"vcpus\": []", "Parameter 'vcpus' is unexpected")]
    public async Task What_cannot_be_asked_is_refused(string arguments, string text)
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), Q35);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            $$$"""{"execute": "query-stats", "arguments": {{{{arguments}}}} }""", $$$"""{"error": {"class": "GenericError", "desc": "{{{text}}}"} }""");
    }

    [Fact]
    public async Task Statistics_that_the_kernel_does_not_give_are_an_error()
    {
        var kernel = new FakeKernel();
        kernel.Extensions[KvmCapability.BinaryStatsFd] = 1;
        await using var guest = await InProcessGuest.StartAsync(kernel, Q35);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """{"execute": "query-stats", "arguments": {"target": "vm"}}""",
            """{"error": {"class": "GenericError", "desc": "KVM's statistics cannot be read: Operation not supported"}}""");
    }

    private static async Task<long> ExitsAsync(QmpClient client)
    {
        var reply = await client.AskAsync(
            """{"execute": "query-stats", "arguments": {"target": "vcpu", "providers": [{"provider": "kvm", "names": ["exits"]}]}}""");
        return reply.GetProperty("return")[0].GetProperty("stats")[0].GetProperty("value").GetInt64();
    }
}
