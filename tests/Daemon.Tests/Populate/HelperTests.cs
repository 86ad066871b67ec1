using System.Diagnostics;
using System.Globalization;
using Hostmemd.Populate;
using Hostmemd.Protocol.Errors;
using Tmds.Linux;
using Xunit;
using static Hostmemd.Daemon.Tests.Processes.DaemonFixture;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>The real helper process on real memory.</summary>
public sealed class HelperTests : IAsyncLifetime
{
    private const ulong MiB = 1 << 20;

    private readonly LinuxKernel _kernel = new();
    private InProcessGuest _guest = null!;

    public async Task InitializeAsync() => _guest = await InProcessGuest.StartAsync(_kernel, "-accel none");

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Theory]
    [InlineData(17)]
    [InlineData(200)]
    public async Task Progress_reaches_the_whole_and_every_page_is_there(int size)
    {
        using var memory = Memory((ulong)size * MiB);
        var reached = new List<ulong>();

        await _guest.Guest.Populator.PopulateAsync(memory.Request with { Threads = 2 }, reached.Add, default);

        Assert.Equal(memory.Mapped.Size, reached[^1]);
        Assert.Equal(reached.Order(), reached);
        Assert.Equal(memory.Mapped.Size, memory.Populated);
    }

    [Fact]
    public async Task A_range_is_populated_and_nothing_beside_it_and_what_was_there_stays()
    {
        using var memory = Memory(64 * MiB);
        memory.Mapped.Write(32 * MiB, "kept"u8);

        await _guest.Guest.Populator.PopulateAsync(memory.Request with { Offset = 20 * MiB, Length = 24 * MiB }, null, default);

        Assert.Equal(24 * MiB, memory.Populated);
        var bytes = new byte[4];
        memory.Mapped.Read(32 * MiB, bytes);
        Assert.Equal("kept"u8.ToArray(), bytes);
    }

    [Fact]
    public async Task What_is_mapped_read_only_is_read_in()
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, new byte[20 * MiB]);
            using var file = _kernel.Open(path, flags: 0, mode: 0);
            using var memory = MappedMemory.Create(_kernel, new MappingOptions { Size = 20 * MiB, File = file, ReadOnly = true });

            await _guest.Guest.Populator.PopulateAsync(PopulateRequest.All(memory, 1), null, default);
            await _guest.Guest.Populator.PopulateAsync(PopulateRequest.All(memory, 1) with { Length = MiB }, null, default);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Cancelling_kills_at_once_and_keeps_what_is_populated()
    {
        await MeasuredRounds.WithinAsync(TimeSpan.FromMilliseconds(50), async () =>
        {
            // More than can be populated before it is cancelled.
            using var memory = Memory(4096 * MiB);
            using var cancel = new CancellationTokenSource();
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var work = _guest.Guest.Populator.PopulateAsync(memory.Request, _ => begun.TrySetResult(), cancel.Token);
            await begun.Task;

            var start = Stopwatch.GetTimestamp();
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);

            var took = Stopwatch.GetElapsedTime(start);
            Assert.InRange(memory.Populated, MiB, memory.Mapped.Size - 1);
            Assert.DoesNotContain(Children.Of(), child => !Children.Runs(child));
            return took;
        });
    }

    [Fact]
    public async Task Who_is_cancelled_while_waiting_for_its_turn_waits_no_longer()
    {
        using var release = new ManualResetEventSlim();
        var others = Enumerable.Range(0, 4).Select(_ => _guest.Guest.SlowWork.RunAsync(new(), release.Wait)).ToList();
        using var memory = Memory(17 * MiB);
        using var cancel = new CancellationTokenSource();
        var work = _guest.Guest.Populator.PopulateAsync(memory.Request, null, cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);
        release.Set();
        await Task.WhenAll(others);
        // The turn that comes now is one of nothing.
        await _guest.Guest.SlowWork.RunAsync(new(), () => { });
        Assert.Equal(0UL, memory.Populated);
    }

    [Fact]
    public async Task A_helper_that_somebody_kills_is_an_error_and_the_id_is_free_again()
    {
        var client = await _guest.ConnectAsync();
        await client.SendAsync("""
            {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2147483648, "prealloc": true}}
            """);

        Assert.Equal(0, LibC.kill(await Children.HelperAsync(), SigKill));

        await client.ExpectAsync("""
            {"error": {"class": "GenericError", "desc": "qemu_prealloc_mem: preallocating memory failed: the process that populates was killed (signal 9), as happens when the host runs out of memory"}}
            """);
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 20971520, "prealloc": true}}""",
            """{"return": {}}""");
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
        Assert.Equal(0, ProcessResources.Count("memory-backend-memfd"));
    }

    [Fact]
    public async Task A_helper_that_is_stopped_and_goes_on_ends_as_if_nothing_had_been()
    {
        using var memory = Memory(512 * MiB);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = _guest.Guest.Populator.PopulateAsync(memory.Request, _ => begun.TrySetResult(), default);
        var helper = await Children.HelperAsync();
        await begun.Task;

        // Its calls are interrupted each time.
        for (var i = 0; i < 20; i++)
        {
            _ = LibC.kill(helper, SigStop);
            _ = LibC.kill(helper, SigCont);
        }

        await work;
        Assert.Equal(memory.Mapped.Size, memory.Populated);
    }

    [Fact]
    public async Task The_threads_that_populate_use_the_cpus_they_are_given()
    {
        var cpu = _kernel.GetAffinity(0)[^1];
        using var memory = Memory(1024 * MiB);
        using var cancel = new CancellationTokenSource();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = _guest.Guest.Populator.PopulateAsync(memory.Request with { Cpus = [cpu], Threads = 2 }, _ => begun.TrySetResult(), cancel.Token);
        var helper = await Children.HelperAsync();
        await begun.Task;

        // Twice as many where the CPU is taken: others of the usual priority help then. A thread starts on any CPU, and chooses before it populates.
        var asked = Math.Min(2, Environment.ProcessorCount);
        var wanted = string.Create(CultureInfo.InvariantCulture, $"Cpus_allowed_list:\t{cpu}");
        List<string> threads = [];
        await Eventually.TrueAsync(
            () =>
            {
                threads = Threads.Files("status", helper)
                    .Select(status => status.Split('\n'))
                    .Where(lines => lines.Contains("Name:\tpopulate"))
                    .Select(lines => lines.First(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)))
                    .ToList();
                return threads.Count >= asked && threads.TrueForAll(line => line == wanted);
            },
            () => string.Join(", ", threads));
        Assert.InRange(threads.Count, asked, 2 * asked);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);
    }

    [Theory]
    [InlineData(17)]
    [InlineData(1)]
    public async Task Cpus_that_are_not_there_are_refused(int size)
    {
        using var memory = Memory((ulong)size * MiB);

        var error = await Assert.ThrowsAsync<QmpException>(
            () => _guest.Guest.Populator.PopulateAsync(memory.Request with { Cpus = [4000] }, null, default));

        Assert.Equal("Setting CPU affinity failed: Invalid argument", error.Message);
    }

    [Fact]
    public async Task A_policy_is_obeyed_by_the_thread_that_takes_the_pages()
    {
        using var memory = Memory(MiB);

        await _guest.Guest.Populator.PopulateAsync(memory.Request with { Policy = MemoryPolicy.Bind, Nodes = [0] }, null, default);
        var error = await Assert.ThrowsAsync<QmpException>(() =>
            _guest.Guest.Populator.PopulateAsync(memory.Request with { Policy = MemoryPolicy.Bind, Nodes = [63] }, null, default));

        Assert.Equal(MiB, memory.Populated);
        Assert.Equal("cannot bind memory to host NUMA nodes: Invalid argument", error.Message);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(2)]
    public async Task Pages_past_the_end_of_the_file_are_an_error(int size)
    {
        using var memory = Memory((ulong)size * MiB);
        _kernel.Ftruncate(memory.File, (ulong)size * MiB / 2);

        var error = await Assert.ThrowsAsync<QmpException>(() => _guest.Guest.Populator.PopulateAsync(memory.Request, null, default));

        Assert.Equal("qemu_prealloc_mem: preallocating memory failed: Bad address", error.Message);
    }

    [Fact]
    public async Task The_end_of_the_guest_ends_what_populates()
    {
        var guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
        using var memory = Memory(1024 * MiB);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = guest.Guest.Populator.PopulateAsync(memory.Request, _ => begun.TrySetResult(), default);
        await begun.Task;

        await guest.DisposeAsync();

        Assert.True(work.IsCompleted || memory.Populated < memory.Mapped.Size);
        Assert.Equal("qemu_prealloc_mem: preallocating memory failed: the daemon ends", (await Assert.ThrowsAsync<QmpException>(() => work)).Message);
    }

    [Fact]
    public async Task Fifty_rounds_leave_no_descriptor_process_or_mapping()
    {
        await RoundAsync(cancelled: true);
        // A helper may still be on its way out: its answer came before.
        await Eventually.TrueAsync(() => !Children.Of().Any(), () => "a helper process is left");
        var (descriptors, mappings) = (ProcessResources.Descriptors(), ProcessResources.Mappings("memfd:populated"));

        for (var i = 0; i < 50; i++)
            await RoundAsync(cancelled: i % 2 == 0);

        await Eventually.TrueAsync(() => !Children.Of().Any(), () => "a helper process is left");
        Assert.Equal(mappings, ProcessResources.Mappings("memfd:populated"));
        // Other tests' sockets may be collected meanwhile, so there may be fewer; one a round would be fifty more.
        await Eventually.TrueAsync(
            () => ProcessResources.Descriptors().Count(IsOurs) <= descriptors.Count(IsOurs), () => string.Join("\n", ProcessResources.Descriptors()));
    }

    /// <summary>What a run opens.</summary>
    private static bool IsOurs(string target) =>
        target.StartsWith("socket:", StringComparison.Ordinal) || target.Contains("pidfd", StringComparison.Ordinal)
        || target.Contains("memfd:populated", StringComparison.Ordinal);

    private async Task RoundAsync(bool cancelled)
    {
        using var memory = Memory((cancelled ? 512UL : 17) * MiB);
        using var cancel = new CancellationTokenSource();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = _guest.Guest.Populator.PopulateAsync(memory.Request, _ => begun.TrySetResult(), cancel.Token);
        if (cancelled)
        {
            await Task.WhenAny(begun.Task, work);
            await cancel.CancelAsync();
        }

        try
        {
            await work;
        }
        catch (OperationCanceledException) when (cancelled)
        {
        }
    }

    private PopulatedMemory Memory(ulong size) => new(_kernel, size);
}
