using System.Globalization;
using Hostmemd.Daemon.Tests.Keeping;
using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Guests;
using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>Nobody waits for the kernel to enlarge the table of descriptors: it is larger before it has to be.</summary>
public class DescriptorTableTests
{
    [Fact]
    public async Task It_grows_when_half_of_it_is_used_and_never_beyond_what_is_allowed()
    {
        var kernel = new FailingKernel(new LinuxKernel()) { OpenFiles = new ResourceLimit(5000, 5000) };
        var table = new DescriptorTable(kernel);
        await ExpectAsync(31, []);
        await ExpectAsync(32, [1024]);
        await ExpectAsync(511, [1024]);
        await ExpectAsync(512, [1024, 2048]);
        await ExpectAsync(1500, [1024, 2048, 5000]);
        await ExpectAsync(4900, [1024, 2048, 5000]);

        async Task ExpectAsync(ulong used, ulong[] sizes)
        {
            table.KeepAhead(used);
            await Eventually.TrueAsync(() => kernel.TableSizes.SequenceEqual(sizes), () => $"{used}: {string.Join(", ", kernel.TableSizes)}");
            await Task.Delay(20);
            Assert.Equal(sizes, kernel.TableSizes);
        }
    }

    [Fact]
    public Task A_daemon_and_its_keeper_have_room_before_they_have_the_backends() => DaemonFixture.RunAsync("-machine none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        for (var i = 0; i < 40; i++)
            await client.AskAsync($$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m{{{i}}}", "size": 4096}}""");
        foreach (var pid in new[] { daemon.Pid, KeptFolder.KeeperOf(daemon)!.Value })
            await Eventually.TrueAsync(() => TableOf(pid) >= 1024, () => $"{TableOf(pid)}");
    });

    private static int TableOf(int pid) => int.Parse(
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("FDSize:", StringComparison.Ordinal)).Split('\t')[1],
        CultureInfo.InvariantCulture);
}
