using Hostmemd.Api;
using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>calc-dirty-rate and query-dirty-rate, with a real vCPU that writes where there is KVM.</summary>
public sealed class DirtyRateTests
{
    private const ulong Base = 4UL << 30;
    private const ulong Size = 64 << 20;
    private const string Q35 = "-machine q35 -m 0,slots=4,maxmem=4G";

    /// <summary>4 MiB fill it, so that it is emptied on the way.</summary>
    private const string Ring = " -accel kvm,dirty-ring-size=1024";

    private readonly LinuxKernel _kernel = new();

    /// <summary>
    /// Half of it lies in a memfd, half in a guest_memfd that is registered by address. In three seconds: a first write takes some 20 us a page
    /// here, more beside other work, and all must be written before the time is over.
    /// </summary>
    [KvmTheory]
    [InlineData("dirty-bitmap", "", 0, 0, 0)]
    [InlineData("dirty-bitmap", "", 30, 9, 11)]
    [InlineData("dirty-ring", Ring, 0, 0, 0)]
    [InlineData("dirty-ring", Ring, 30, 9, 11)]
    public async Task What_a_vCPU_writes_is_counted_within_a_tenth(string mode, string more, int mebibytes, long least, long most)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, Q35 + more);
        var client = await guest.ConnectAsync();
        await PlugAsync(client, "a", "");
        await PlugAsync(client, "b", ", \"guest-memfd\": true");
        var vcpu = await guest.Guest.Probe.GetAsync(guest.Guest, guest.Guest.Vm!);
        // What was written before is not counted.
        await vcpu.WriteAsync(new GuestAddress(Base), new byte[1 << 20]);

        var rate = await RateInRangeAsync(least, most, () => MeasureAsync(guest, client, vcpu, mode, mebibytes));
        if (more.Length > 0)
            await client.ExchangeAsync(
                """{"execute": "query-dirty-rate"}""",
                $$$"""{"return": {"$object-with": {"vcpu-dirty-rate": [{"id": 0, "dirty-rate": {{{rate}}} }]} } }""");
        await client.ExchangeAsync(
            """{"execute": "query-memory-slots", "arguments": {"memdev": "a"}}""",
            """{"return": {"$object-with": {"slots": [{"$object-with": {"dirty-log": false}}]}}}""");
    }

    /// <summary>For a minute, which the end of the guest cuts short.</summary>
    [KvmTheory]
    [InlineData("dirty-bitmap", "")]
    [InlineData("dirty-ring", Ring)]
    public async Task While_it_measures_it_says_so_and_measures_nothing_else(string mode, string more)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, Q35 + more);
        var client = await guest.ConnectAsync();
        await PlugAsync(client, "a", "");

        await client.ExchangeAsync(Calc($"\"calc-time\": 60, \"mode\": \"{mode}\""), """{"return": {}}""");

        await client.ExchangeAsync(
            """{"execute": "query-dirty-rate"}""",
            $$$"""
            {"return": {"status": "measuring", "start-time": "$int", "calc-time": 60, "calc-time-unit": "second", "sample-pages": 0, "mode": "{{{mode}}}"}}
            """);
        await client.ExchangeAsync(
            Calc("\"calc-time\": 1"), """{"error": {"class": "GenericError", "desc": "the dirty rate is already being measured."}}""");
        await client.ExchangeAsync(
            """{"execute": "query-memory-slots", "arguments": {"memdev": "a"}}""",
            """{"return": {"$object-with": {"slots": [{"$object-with": {"dirty-log": true}}]}}}""");
    }

    /// <summary>Beside other work it can take longer than it is to: the writing, or the measuring, by whose true length is divided.</summary>
    private static async Task<long> RateInRangeAsync(long least, long most, Func<Task<long>> measure)
    {
        var rate = -1L;
        await MeasuredRounds.UntilAsync(least: 1, async () => (rate = await measure()) >= least && rate <= most);
        Assert.InRange(rate, least, most);
        return rate;
    }

    /// <returns>MiB a second; -1: not all was written in time.</returns>
    private static async Task<long> MeasureAsync(InProcessGuest guest, QmpClient client, ProbeVcpu vcpu, string mode, int mebibytes)
    {
        await client.ExchangeAsync(Calc($"\"calc-time\": 3, \"mode\": \"{mode}\""), """{"return": {}}""");
        for (var i = 0; i < mebibytes / 2; i++)
            foreach (var start in (ulong[])[Base, Base + Size])
            {
                // A page that is written twice counts once.
                var at = new GuestAddress(start + ((ulong)i << 20));
                Assert.Equal(ProbeOutcome.Done, (await vcpu.WriteAsync(at, new byte[1 << 20])).Outcome);
                await vcpu.WriteAsync(at, new byte[4096]);
            }
        var isInTime = guest.Guest.DirtyRate.State.Status == DirtyRateStatus.Measuring;
        var rate = await RateAsync(guest, client);
        return isInTime ? rate : -1;
    }

    [KvmFact]
    public async Task With_a_ring_there_are_no_bitmaps_and_what_was_written_before_is_not_counted()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, Q35 + Ring);
        var client = await guest.ConnectAsync();
        await PlugAsync(client, "a", "");
        await client.ExchangeAsync(
            Calc("\"calc-time\": 1, \"mode\": \"dirty-bitmap\""),
            """{"error": {"class": "GenericError", "desc": "mode dirty-bitmap is not enabled, use other method instead."}}""");

        const string halfASecond = "\"calc-time\": 500, \"calc-time-unit\": \"millisecond\", \"mode\": \"dirty-ring\"";
        // No vCPU was made yet, so none has written.
        await client.ExchangeAsync(Calc(halfASecond), """{"return": {}}""");
        Assert.Equal(0, await RateAsync(guest, client));
        await client.ExchangeAsync("""{"execute": "query-dirty-rate"}""", """{"return": {"$object-with": {"vcpu-dirty-rate": []}}}""");
        // One that is made meanwhile counts, and not twice.
        await RateInRangeAsync(1, 2, async () =>
        {
            await client.ExchangeAsync(Calc(halfASecond), """{"return": {}}""");
            var vcpu = await guest.Guest.Probe.GetAsync(guest.Guest, guest.Guest.Vm!);
            for (var i = 0; i < 2; i++)
                await vcpu.WriteAsync(new GuestAddress(Base), new byte[1 << 20]);
            return await RateAsync(guest, client);
        });
        await client.ExchangeAsync(Calc(halfASecond), """{"return": {}}""");
        Assert.Equal(0, await RateAsync(guest, client));
    }

    [KvmFact]
    public async Task DIMMs_come_and_go_while_it_counts()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, Q35);
        var client = await guest.ConnectAsync();
        await PlugAsync(client, "a", "");
        await PlugAsync(client, "b", "");
        var vcpu = await guest.Guest.Probe.GetAsync(guest.Guest, guest.Guest.Vm!);

        await RateInRangeAsync(1, 2, async () =>
        {
            await client.ExchangeAsync(
                Calc("\"calc-time\": 500, \"calc-time-unit\": \"millisecond\", \"mode\": \"dirty-bitmap\""), """{"return": {}}""");
            await vcpu.WriteAsync(new GuestAddress(Base + Size), new byte[1 << 20]);
            for (var round = 0; round < 5; round++)
            {
                await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "da"}}""", """{"return": {}}""");
                await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": "$any"}""");
                await client.ExchangeAsync(
                    """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "da", "memdev": "a"}}""", """{"return": {}}""");
                // Into a slot that has the number of one that is counted, and is another.
                await vcpu.WriteAsync(new GuestAddress(Base), new byte[1 << 20]);
            }
            return await RateAsync(guest, client);
        });
        await client.ExchangeAsync(
            """{"execute": "query-dirty-rate", "arguments": {"calc-time-unit": "millisecond"}}""",
            """{"return": {"$object-with": {"status": "measured", "calc-time": 500, "calc-time-unit": "millisecond"}}}""");
    }

    [Fact]
    public async Task Sampling_sees_whoever_writes_and_touches_nothing_that_nobody_has()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, Q35 + " -accel none");
        var client = await guest.ConnectAsync();
        await PlugAsync(client, "a", ", \"prealloc\": true");
        await PlugAsync(client, "b", "");
        var memory = guest.Guest.State.Backends["a"].Backend.Memory;

        byte written = 0;
        await RateInRangeAsync(27, 36, async () =>
        {
            await client.ExchangeAsync(Calc("\"calc-time\": 1, \"sample-pages\": 16384"), """{"return": {}}""");
            written++;
            for (ulong at = 0; at < Size / 2; at += 1 << 20)
                memory.Write(at, Enumerable.Repeat(written, 1 << 20).ToArray());
            return await RateAsync(guest, client);
        });

        await client.ExchangeAsync(Calc("\"calc-time\": 50, \"calc-time-unit\": \"millisecond\""), """{"return": {}}""");
        Assert.Equal(0, await RateAsync(guest, client));
        Assert.Equal(0UL, _kernel.Fstat(guest.Guest.State.Backends["b"].Backend.File!.Handle).Blocks);
    }

    [KvmFact]
    public async Task A_slot_that_is_bound_by_descriptor_is_named_and_nothing_is_switched_on()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, Q35);
        var client = await guest.ConnectAsync();
        await PlugAsync(client, "a", "");
        await PlugAsync(client, "b", "", "memory-backend-guest-memfd");

        await client.ExchangeAsync(
            Calc("\"calc-time\": 1, \"mode\": \"dirty-bitmap\""),
            """
            {"error": {"class": "GenericError",
              "desc": "KVM slot 1 of '/objects/b' is bound by descriptor, for which KVM keeps no dirty log; use mode page-sampling"}}
            """);
        await client.ExchangeAsync(
            """{"execute": "query-dirty-rate"}""",
            """
            {"return": {"status": "unstarted", "start-time": 0, "calc-time": 0, "calc-time-unit": "second", "sample-pages": 0, "mode": "page-sampling"}}
            """);
        await client.ExchangeAsync(Calc("\"calc-time\": 1"), """{"return": {}}""");
    }

    [Fact]
    public async Task A_slot_that_KVM_will_not_log_is_told_and_the_others_are_as_before()
    {
        var kernel = new FakeKernel();
        await using var guest = await InProcessGuest.StartAsync(kernel, Q35);
        var client = await guest.ConnectAsync();
        await PlugAsync(client, "a", "");
        await PlugAsync(client, "b", "");

        kernel.FailAt("SetUserMemoryRegion2", 2, Errno.ENOMEM);
        await client.ExchangeAsync(
            Calc("\"calc-time\": 1, \"mode\": \"dirty-bitmap\""),
            """{"error": {"class": "GenericError", "desc": "KVM keeps no dirty log of slot 1: Cannot allocate memory"}}""");

        Assert.All(kernel.SlotsOf().Values, slot => Assert.Equal(Hostmemd.Kvm.Native.MemoryRegionFlags.None, slot.flags));
    }

    [Theory]
    [InlineData("\"calc-time\": 0", "Calculation time is out of range [50ms, 60000ms].")]
    [InlineData("\"calc-time\": 100", "Calculation time is out of range [50ms, 60000ms].")]
    [InlineData("\"calc-time\": 9223372036854775807", "Calculation time is out of range [50ms, 60000ms].")]
    [InlineData("\"calc-time\": -9223372036854775808", "Calculation time is out of range [50ms, 60000ms].")]
    [InlineData("\"calc-time\": 49, \"calc-time-unit\": \"millisecond\"", "Calculation time is out of range [50ms, 60000ms].")]
    [InlineData("\"calc-time\": 1, \"sample-pages\": 1", "sample-pages is out of range[128, 16384].")]
    [InlineData("\"calc-time\": 1, \"sample-pages\": 512, \"mode\": \"dirty-bitmap\"", "sample-pages is used only in page-sampling mode")]
    [InlineData("\"calc-time\": 1, \"mode\": \"dirty-ring\"", "mode dirty-ring is not enabled, use other method instead.")]
    [InlineData("\"calc-time\": 1, \"mode\": \"x\"", "Parameter 'mode' does not accept value 'x'")]
    [InlineData(
        "\"calc-time\": 1, \"mode\": \"dirty-bitmap\"", "mode dirty-bitmap requires KVM, but the accelerator is 'none'; use mode page-sampling")]
    public async Task What_cannot_be_measured_is_refused(string arguments, string text)
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), Q35 + " -accel none");
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(Calc(arguments), $$$"""{"error": {"class": "GenericError", "desc": "{{{text}}}"} }""");
    }

    private static string Calc(string arguments) => $$$"""{"execute": "calc-dirty-rate", "arguments": {{{{arguments}}}} }""";

    private static async Task<long> RateAsync(InProcessGuest guest, QmpClient client)
    {
        await Eventually.TrueAsync(
            () => guest.Guest.DirtyRate.State.Status == DirtyRateStatus.Measured, () => guest.Guest.DirtyRate.State.ToString());
        return (await client.AskAsync("""{"execute": "query-dirty-rate"}""")).GetProperty("return").GetProperty("dirty-rate").GetInt64();
    }

    private static async Task PlugAsync(QmpClient client, string id, string more, string type = "memory-backend-memfd")
    {
        await client.ExchangeAsync(
            $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "{{{id}}}", "size": {{{Size}}}{{{more}}}} }""",
            """{"return": {}}""");
        await client.ExchangeAsync(
            $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d{{{id}}}", "memdev": "{{{id}}}"} }""", """{"return": {}}""");
    }
}
