using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>The program in its other mode, seen from outside.</summary>
public sealed class PopulateModeTests
{
    [Theory]
    [InlineData("-populate")]
    [InlineData("-populate", "nonsense")]
    [InlineData("-populate", "offset=0,length=4095,threads=1,read=0,policy=0,nodes=,cpus=")]
    [InlineData("-populate", "offset=0,length=4096,threads=1,read=0,policy=0,nodes=,cpus=", "more")]
    // A good order, but standard output is no socket.
    [InlineData("-populate", "offset=0,length=4096,threads=1,read=0,policy=0,nodes=,cpus=")]
    public async Task A_person_who_starts_it_is_told_what_to_do_instead(params string[] arguments)
    {
        var (status, output, error) = await DaemonFixture.RunToEndAsync(arguments);

        Assert.Equal((1, ""), (status, output));
        Assert.Equal("hostmemd: -populate: for the daemon's own use, use -object …,prealloc=on\n", error);
    }

    [Fact]
    public Task A_daemon_that_is_killed_takes_its_helper_with_it() => WhileItPopulatesAsync(async (daemon, client, helper) =>
    {
        daemon.Signal(DaemonFixture.SigKill);

        await daemon.WaitForExitAsync();
        await Eventually.TrueAsync(() => !Children.Runs(helper), () => $"the helper {helper} still runs");
        return await client.TryReceiveAsync() is null;
    });

    [Fact]
    public Task A_daemon_that_is_told_to_end_while_it_populates_ends_in_order() => WhileItPopulatesAsync(async (daemon, client, helper) =>
    {
        daemon.Signal(DaemonFixture.SigTerm);

        var first = await client.ReceiveAsync();
        if (first.TryGetProperty("return", out _))
            return false;
        Assert.Equal("SHUTDOWN", first.GetProperty("event").GetString());
        Assert.Equal("host-signal", first.GetProperty("data").GetProperty("reason").GetString());
        await client.ExpectAsync("""{"error": {"class": "GenericError", "desc": "qemu_prealloc_mem: preallocating memory failed: the daemon ends"}}""");
        Assert.Equal(0, await daemon.WaitForExitAsync());
        Assert.False(Children.Runs(helper));
        return true;
    });

    /// <param name="work">Given the helper's process; false: all was populated before.</param>
    private static async Task WhileItPopulatesAsync(Func<DaemonFixture, QmpClient, int, Task<bool>> work)
    {
        var isInTime = false;
        await MeasuredRounds.UntilAsync(least: 1, async () =>
        {
            await DaemonFixture.RunAsync("-accel none", async daemon =>
            {
                await using var client = await daemon.ConnectAsync();
                await client.SendAsync("""
                    {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 4294967296, "prealloc": true}}
                    """);
                isInTime = await work(daemon, client, await Children.HelperAsync(daemon.Pid));
            });
            return isInTime;
        });
        Assert.True(isInTime, "the memory was populated before the helper was found");
    }
}
