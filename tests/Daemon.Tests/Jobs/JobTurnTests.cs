using System.Diagnostics;
using Hostmemd.Objects;
using Xunit;

namespace Hostmemd.Daemon.Tests.Jobs;

/// <summary>Jobs beside other slow work: whose turn it is, and what the end leaves.</summary>
public sealed class JobTurnTests : IAsyncLifetime
{
    private const long MiB = 1 << 20;

    /// <summary>Ways in which a job ends.</summary>
    private const int Kinds = 4;

    private readonly LinuxKernel _kernel = new();
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
        _client = await _guest.ConnectAsync();
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Theory]
    [InlineData(64)] // each with a process
    [InlineData(8)] // in this process
    public async Task Jobs_that_are_paused_or_slow_take_nobodys_turn(int size)
    {
        for (var i = 0; i < 2 * SlowWork.AtOnce; i++)
        {
            await _client.AddMemfdAsync($"m{i}", size * MiB);
            await _client.StartJobAsync($"j{i}", $"m{i}", ", \"speed\": 40960");
            await _client.ProgressedAsync($"j{i}", -1);
            if (i % 2 == 0)
                await _client.VerbAsync("pause", $"j{i}", "paused");
        }
        var other = await _guest.ConnectAsync();

        await other.AddMemfdAsync("prealloc", 4 * MiB, ", \"prealloc\": true");

        foreach (var i in Enumerable.Range(0, 2 * SlowWork.AtOnce))
            await _client.VerbAsync("cancel", $"j{i}", i % 2 == 0 ? ["running", "aborting", "concluded"] : ["aborting", "concluded"]);
    }

    [Fact]
    public async Task Many_jobs_of_one_client_hold_up_no_other_clients_object_add()
    {
        await MeasuredRounds.WithinAsync(TimeSpan.FromSeconds(5), async () =>
        {
            await using var guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
            var client = await guest.ConnectAsync();
            for (var i = 0; i < 6; i++)
            {
                await client.AddMemfdAsync($"m{i}", 2048 * MiB);
                await client.StartJobAsync($"j{i}", $"m{i}");
            }
            var other = await guest.ConnectAsync();
            var clock = Stopwatch.StartNew();

            await other.AddMemfdAsync("prealloc", 4 * MiB, ", \"prealloc\": true");

            var took = clock.Elapsed;
            // Twelve gigabytes take seconds; a turn ends after some 16 MiB when somebody waits. The jobs end with the guest.
            var jobs = (await other.AskAsync("""{"execute": "query-jobs"}""")).GetProperty("return").EnumerateArray();
            var running = jobs.Count(job => job.GetProperty("status").GetString() == "running");
            return running == 6 ? took : TimeSpan.MaxValue;
        });
    }

    [Fact]
    public async Task A_job_that_waits_for_its_turn_can_be_paused_resumed_and_cancelled_at_once()
    {
        using var release = new ManualResetEventSlim();
        var others = Enumerable.Range(0, SlowWork.AtOnce).Select(_ => _guest.Guest.SlowWork.RunAsync(new(), release.Wait)).ToList();
        await _client.AddMemfdAsync("m", 64 * MiB);
        await _client.StartJobAsync("j", "m");

        await _client.VerbAsync("pause", "j", "paused");
        await _client.VerbAsync("resume", "j", "running");
        Assert.Equal(0, (await _client.JobAsync("j")).Progress());
        await _client.VerbAsync("cancel", "j", "aborting", "concluded");

        release.Set();
        await Task.WhenAll(others);
        await _client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", JobClient.Done);
    }

    [Fact]
    public async Task The_end_of_the_guest_ends_all_jobs_before_quit_is_answered()
    {
        var guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
        var client = await guest.ConnectAsync();
        await client.AddMemfdAsync("m", 512 * MiB);
        await client.StartJobAsync("done", "m", ", \"length\": 4096");
        await client.ExpectStatesAsync("done", "waiting", "pending", "concluded");
        await client.StartJobAsync("slow", "m", ", \"speed\": 1048576");
        await client.ProgressedAsync("slow");
        await client.VerbAsync("pause", "slow", "paused");

        await client.SendAsync("""{"execute": "quit"}""");

        await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "SHUTDOWN", "data": {"guest": false, "reason": "host-qmp-quit"}}""");
        await client.ExpectStatesAsync("slow", "running", "aborting", "concluded", "null");
        await client.ExpectStatesAsync("done", "null");
        await client.ExpectAsync(JobClient.Done);
        await client.ExchangeAsync(JobClient.Prealloc("late", "m"), JobClient.Error("the daemon ends"));
        await guest.DisposeAsync();
        Assert.DoesNotContain(Children.Of(), Children.Runs);
    }

    [Fact]
    public async Task Rounds_of_jobs_leave_no_descriptor_process_or_thread()
    {
        await _client.AddMemfdAsync("m", 256 * MiB);
        for (var i = 0; i < Kinds; i++)
            await RoundAsync(i);
        await Eventually.TrueAsync(() => !Children.Of().Any(), () => "a helper process is left");
        var sockets = ProcessResources.Count("socket:");

        for (var i = 0; i < 40; i++)
            await RoundAsync(i);

        await Eventually.TrueAsync(() => !Children.Of().Any(), () => "a helper process is left");
        await Eventually.TrueAsync(() => ProcessResources.Count("socket:") <= sockets, () => string.Join("\n", ProcessResources.Descriptors()));
        // A process is reaped before the descriptor that names it is closed.
        await Eventually.TrueAsync(() => ProcessResources.Count("pidfd") == 0, () => string.Join("\n", ProcessResources.Descriptors()));
        await Eventually.TrueAsync(() => !Threads.Names().Any(name => name is "slow-work" or "populate"), () => string.Join(" ", Threads.Names()));
    }

    private async Task RoundAsync(int round)
    {
        var kind = round % Kinds;
        // Where something is to be done to a job, it must not be over before.
        await _client.StartJobAsync("j", "m", $", \"auto-dismiss\": true, \"speed\": {(kind == 0 ? 1024 : 128) * MiB}");
        switch (kind)
        {
            case 0:
                await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded", "null");
                break;
            case 1:
                await _client.VerbAsync("cancel", "j", "aborting", "concluded", "null");
                break;
            case 2:
                await _client.VerbAsync("pause", "j", "paused");
                await _client.VerbAsync("cancel", "j", "running", "aborting", "concluded", "null");
                break;
            default:
                await _client.VerbAsync("pause", "j", "paused");
                await _client.VerbAsync("resume", "j", "running");
                await _client.VerbAsync("cancel", "j", "aborting", "concluded", "null");
                break;
        }
    }
}
