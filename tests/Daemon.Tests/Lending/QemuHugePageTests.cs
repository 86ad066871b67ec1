using Hostmemd.Daemon.Tests.Objects;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A QEMU whose RAM is huge pages of the daemon.</summary>
[Collection(HugePagePoolUsers.Name)]
public sealed class QemuHugePageTests
{
    private const ulong Pages = 16;

    private static readonly string[] Machine = ["-M", "q35,accel=kvm,memory-backend=m", "-m", "32M", "-nodefaults", "-display", "none"];

    [QemuHugePageFact]
    public Task A_guest_runs_in_huge_pages_that_qemu_opens() => RunAsync((daemon, _) => QemuProcess.WrapAsync(daemon, ["m"], Machine));

    [QemuHugePageFact(NeedsCpr = true)]
    public Task A_guest_runs_in_huge_pages_that_come_by_cpr() => RunAsync(async (daemon, client) =>
    {
        // With a second one that goes by CPR alone the wrapper takes that way for both.
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "g", "size": 2097152, "guest-memfd": true}}""",
            """{"return": {}}""");
        return await QemuProcess.WrapAsync(daemon, ["m", "g,later"], Machine);
    });

    private static async Task RunAsync(Func<DaemonFixture, QmpClient, Task<QemuProcess>> start)
    {
        using var more = HugePagePoolFixture.AddForAWhile(Pages);
        Assert.Equal(Pages, more.Pages);
        await DaemonFixture.RunAsync("-machine none", async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync(
                """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 33554432, "hugetlb": true}}""",
                """{"return": {}}""");
            await using var qemu = await start(daemon, client);
            await qemu.UntilRunningAsync();

            var loan = (await client.AskAsync("""{"execute": "query-memory-loans", "arguments": {"memdev": "m"}}""")).GetProperty("return")[0];
            Assert.StartsWith("qemu-system", loan.GetProperty("borrowers")[0].GetProperty("comm").GetString(), StringComparison.Ordinal);
            // SeaBIOS runs there: what it writes into the first page is seen by both.
            var file = Assert.Single((await client.RequestDescriptorAsync("m")).Descriptors);
            using (file)
            using (var memory = MappedMemory.Create(new LinuxKernel(), new MappingOptions { Size = 33554432, File = file, Shared = true }))
            {
                await QemuProcess.UntilFirmwareRanAsync(memory);
                await qemu.AskAsync("""{"execute": "stop"}""");
                var first = new byte[4096];
                memory.Read(0, first);
                Assert.Equal(await qemu.ReadMemoryAsync(daemon.Directory, 0, 4096), first);
            }
        });
    }
}
