using System.Globalization;
using Xunit;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>The helper gives way to everybody, and gets on nevertheless where others leave it nothing.</summary>
public sealed class BackgroundTests : IAsyncLifetime
{
    private const ulong MiB = 1 << 20;

    /// <summary>SCHED_OTHER and SCHED_IDLE, as man 7 sched numbers them.</summary>
    private const int Other = 0;
    private const int Idle = 5;

    private readonly LinuxKernel _kernel = new();
    private InProcessGuest _guest = null!;

    public async Task InitializeAsync() => _guest = await InProcessGuest.StartAsync(_kernel, "-accel none");

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Fact]
    public async Task The_threads_that_populate_run_where_nobody_else_wants_to()
    {
        using var memory = new PopulatedMemory(_kernel, 1024 * MiB);
        using var cancel = new CancellationTokenSource();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = _guest.Guest.Populator.PopulateAsync(memory.Request with { Threads = 2 }, _ => begun.TrySetResult(), cancel.Token);
        var helper = await Children.HelperAsync();
        await begun.Task;

        // Each asks for it itself, when it begins.
        await Eventually.TrueAsync(
            () => Policies(helper).Count(policy => policy == Idle) == Math.Min(2, Environment.ProcessorCount),
            () => string.Join(", ", Policies(helper)));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);
    }

    [Fact]
    public async Task Beside_threads_that_take_all_of_a_cpu_others_of_the_usual_priority_help()
    {
        var cpu = _kernel.GetAffinity(0)[^1];
        using var stop = new CancellationTokenSource();
        var hogs = Enumerable.Range(0, 2).Select(_ => Start(() =>
        {
            _kernel.SetAffinity(0, [cpu]);
            while (!stop.IsCancellationRequested)
                Thread.SpinWait(1000);
        })).ToList();
        using var memory = new PopulatedMemory(_kernel, 256 * MiB);

        var work = _guest.Guest.Populator.PopulateAsync(memory.Request with { Cpus = [cpu] }, null, default);
        var helper = await Children.HelperAsync();
        var helped = false;
        while (!work.IsCompleted)
        {
            helped |= Policies(helper).Contains(Other);
            // A three-hundredth of a CPU, which is what is left beside one hog, would take minutes.
            await Task.WhenAny(work, Task.Delay(10));
        }
        await stop.CancelAsync();
        hogs.ForEach(hog => hog.Join());
        await work;

        Assert.True(helped);
        Assert.Equal(256 * MiB, memory.Populated);
    }

    private static Thread Start(Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true };
        thread.Start();
        return thread;
    }

    /// <summary>The scheduling policies of the threads that populate: field 41 of their stat.</summary>
    private static List<int> Policies(int helper)
    {
        try
        {
            return
            [
                .. Threads.Files("stat", helper).Where(stat => stat.Contains("(populate)", StringComparison.Ordinal))
                    .Select(stat => int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[41 - 3], CultureInfo.InvariantCulture)),
            ];
        }
        catch (IOException)
        {
            // It has ended.
            return [];
        }
    }
}
