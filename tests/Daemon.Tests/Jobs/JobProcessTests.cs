using Hostmemd.Daemon.Tests.Processes;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Jobs;

/// <summary>Jobs of the real program, and how they end with it.</summary>
public sealed class JobProcessTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public Task A_signal_ends_the_jobs_and_their_last_states_reach_the_clients() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.AddMemfdAsync("m", 64 * MiB);
        await client.StartJobAsync("j", "m", ", \"speed\": 1048576");
        var helper = await Children.HelperAsync(daemon.Pid);

        daemon.Signal(DaemonFixture.SigTerm);

        await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "SHUTDOWN", "data": {"guest": false, "reason": "host-signal"}}""");
        await client.ExpectStatesAsync("j", "aborting", "concluded", "null");
        Assert.Null(await client.TryReceiveAsync());
        Assert.Equal(0, await daemon.WaitForExitAsync());
        Assert.False(Children.Runs(helper));
    });

    [Fact]
    public Task The_process_of_a_paused_job_ends_with_a_daemon_that_is_killed() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.AddMemfdAsync("m", 64 * MiB);
        await client.StartJobAsync("j", "m", ", \"speed\": 1048576");
        var helper = await Children.HelperAsync(daemon.Pid);
        await client.ProgressedAsync("j");
        await client.VerbAsync("pause", "j", "paused");

        daemon.Signal(DaemonFixture.SigKill);

        await daemon.WaitForExitAsync();
        await Eventually.TrueAsync(() => !Children.Runs(helper), () => "the helper goes on");
    });

    [Fact]
    public Task A_helper_that_is_killed_while_its_job_is_paused_is_told_when_it_is_to_go_on() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.AddMemfdAsync("m", 64 * MiB);
        await client.StartJobAsync("j", "m", $", \"speed\": {16 * MiB}");
        var helper = await Children.HelperAsync(daemon.Pid);
        await client.ProgressedAsync("j");
        await client.VerbAsync("pause", "j", "paused");

        Assert.Equal(0, LibC.kill(helper, DaemonFixture.SigKill));
        await Eventually.TrueAsync(() => !Children.Runs(helper), () => "the helper goes on");
        await client.VerbAsync("resume", "j", "running");

        await client.ExpectStatesAsync("j", "aborting", "concluded");
        Assert.Contains("signal 9", (await client.JobAsync("j")).GetProperty("error").GetString(), StringComparison.Ordinal);
        await client.VerbAsync("dismiss", "j", "null");
        await client.StartJobAsync("j", "m");
        await client.ExpectStatesAsync("j", "waiting", "pending", "concluded");
    });
}
