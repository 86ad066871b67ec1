using Hostmemd.Populate;
using Xunit;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>What can go wrong with a helper process, by a kernel that makes it go wrong. Nothing of it is left each time.</summary>
public sealed class HelperFaultTests : IAsyncLifetime
{
    private const ulong Size = 32 << 20;
    private const string Failed = "qemu_prealloc_mem: preallocating memory failed: ";

    private const string Add =
        """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 33554432, "prealloc": true}}""";

    private readonly FakeKernel _kernel = new();
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
        _client = await _guest.ConnectAsync();
        _kernel.Child = (_, write, _) =>
        {
            write(Report(PopulateReportKind.Progress, 0, Size / 2));
            write(Report(PopulateReportKind.Progress, 0, Size));
            write(Report(PopulateReportKind.Done, 0, Size));
            return new ProcessEnd(0, null);
        };
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Theory]
    [InlineData("Socketpair", Errno.EMFILE, "Too many open files")]
    [InlineData("Socketpair", Errno.ENFILE, "Too many open files in system")]
    [InlineData("Spawn", Errno.EAGAIN, "Resource temporarily unavailable")]
    [InlineData("Spawn", Errno.ENOMEM, "Cannot allocate memory")]
    [InlineData("Spawn", Errno.ENOENT, "No such file or directory")]
    public async Task A_helper_that_cannot_be_started_is_told_and_the_next_one_can(string call, int errno, string text)
    {
        _kernel.FailAt(call, 1, errno);

        await RefusedAsync($"{Failed}{text}; the process that populates could not be started");

        await _client.ExchangeAsync(Add, """{"return": {}}""");
    }

    [Theory]
    [InlineData(Errno.ENOMEM, Failed + "Cannot allocate memory")]
    [InlineData(Errno.EFAULT, Failed + "Bad address")]
    [InlineData(Errno.EINVAL, Failed + "Invalid argument; it needs Linux 5.14 or later, else use 'prealloc=off'")]
    public async Task An_errno_of_populating_is_told_by_its_text(int errno, string text)
    {
        Says(Report(PopulateReportKind.Failed, errno, (ulong)PopulateStep.Populate));

        await RefusedAsync(text);
    }

    [Theory]
    [InlineData((int)PopulateStep.Map, "unable to map backing store for guest RAM: Cannot allocate memory")]
    [InlineData((int)PopulateStep.Affinity, "Setting CPU affinity failed: Cannot allocate memory")]
    [InlineData((int)PopulateStep.Policy, "cannot bind memory to host NUMA nodes: Cannot allocate memory")]
    public async Task What_the_helper_was_at_is_told(int step, string text)
    {
        Says(Report(PopulateReportKind.Failed, Errno.ENOMEM, (ulong)step));

        await RefusedAsync(text);
    }

    [Fact]
    public async Task A_broken_page_is_told_to_everybody_before_the_error()
    {
        Says(Report(PopulateReportKind.Failed, Errno.EHWPOISON, (ulong)PopulateStep.Populate));
        var watcher = await _guest.ConnectAsync();
        const string failure = """
            {"timestamp": "$timestamp", "event": "MEMORY_FAILURE", "data": {"recipient": "hypervisor", "action": "ignore",
             "flags": {"action-required": false, "recursive": false}}}
            """;

        await _client.SendAsync(Add);

        await _client.ExpectAsync(failure);
        await _client.ExpectAsync("""{"error": {"class": "GenericError", "desc": "qemu_prealloc_mem: preallocating memory failed: Memory page has hardware error"}}""");
        await watcher.ExpectAsync(failure);
    }

    [Theory]
    [InlineData(3, Failed + "the process that populates ended with status 3")]
    [InlineData(0, Failed + "the process that populates ended with status 0")]
    public async Task A_helper_that_ends_without_a_word_is_an_error(int status, string text)
    {
        _kernel.Child = (_, write, _) =>
        {
            write(Report(PopulateReportKind.Progress, 0, Size / 2));
            return new ProcessEnd(status, null);
        };

        await RefusedAsync(text);
    }

    [Fact]
    public async Task Where_nobody_can_learn_how_a_helper_ended_its_last_report_counts()
    {
        var well = _kernel.Child;
        _kernel.Child = (_, _, _) => new ProcessEnd(3, null);
        _kernel.FailAt("WaitFor", 1, Errno.ECHILD);
        await _client.ExchangeAsync(
            Add, """{"error": {"class": "GenericError", "desc": "qemu_prealloc_mem: preallocating memory failed: the process that populates ended"}}""");

        _kernel.Child = well;
        _kernel.FailAt("WaitFor", 1, Errno.ECHILD);
        await _client.ExchangeAsync(Add, """{"return": {}}""");
    }

    [Theory]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("ffffffffffffffffffffffffffffffff")]
    [InlineData("01000000000000000000000300000000")] // progress beyond the whole
    [InlineData("02000000000000000000000100000000")] // done, but not with all
    [InlineData("03000000000000000400000000000000")] // failed, but with no errno
    [InlineData("030000000c0000000900000000000000")] // failed at a step that is not there
    public async Task A_helper_that_writes_nonsense_is_killed(string hex)
    {
        _kernel.Child = (_, write, killed) =>
        {
            write(Convert.FromHexString(hex));
            // It goes on for ever unless somebody ends it.
            killed.WaitHandle.WaitOne();
            return new ProcessEnd(0, null);
        };

        await RefusedAsync(Failed + "the process that populates is not of this version, restart the daemon");
    }

    [Fact]
    public async Task Reports_may_come_in_pieces_and_in_any_order()
    {
        var reached = new List<ulong>();
        _kernel.Child = (_, write, _) =>
        {
            byte[] all =
            [
                .. Report(PopulateReportKind.Progress, 0, 2 << 20), .. Report(PopulateReportKind.Progress, 0, 1 << 20),
                .. Report(PopulateReportKind.Progress, 0, Size), .. Report(PopulateReportKind.Done, 0, Size),
            ];
            foreach (var piece in all.Chunk(5))
                write(piece);
            return new ProcessEnd(0, null);
        };
        using var memory = new PopulatedMemory(_kernel, Size);

        await _guest.Guest.Populator.PopulateAsync(memory.Request, reached.Add, default);

        Assert.Equal([2 << 20, Size], reached);
    }

    [Fact]
    public async Task A_helper_that_goes_on_for_ever_is_killed_when_it_is_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        _kernel.Child = (_, write, killed) =>
        {
            write(Report(PopulateReportKind.Progress, 0, Size / 2));
            killed.WaitHandle.WaitOne();
            return new ProcessEnd(0, null);
        };
        using var memory = new PopulatedMemory(_kernel, Size);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => _guest.Guest.Populator.PopulateAsync(memory.Request, _ => cancel.Cancel(), cancel.Token));

        Assert.Equal(0, _kernel.Zombies);
    }

    [Fact]
    public async Task The_helper_gets_the_file_the_channel_and_its_order_and_nothing_else()
    {
        SpawnOptions? started = null;
        var well = _kernel.Child!;
        _kernel.Child = (options, write, killed) => well(started = options, write, killed);
        using var memory = new PopulatedMemory(_kernel, Size);

        await _guest.Guest.Populator.PopulateAsync(
            memory.Request with { Policy = MemoryPolicy.Bind, Nodes = [0, 1], Cpus = [0, 3], Threads = 9 }, null, default);

        Assert.Equal("-populate", started!.Arguments[^2]);
        Assert.Equal("offset=0,length=33554432,threads=1,read=0,policy=2,nodes=0:1,cpus=0:3", started.Arguments[^1]);
        Assert.Same(memory.File, started.Descriptors[0]);
        Assert.Equal(2, started.Descriptors.Count);
    }

    [Fact]
    public async Task Private_and_anonymous_memory_needs_no_helper()
    {
        _kernel.Child = null;
        using var memory = MappedMemory.Create(_kernel, new MappingOptions { Size = Size });

        await _guest.Guest.Populator.PopulateAsync(PopulateRequest.All(memory, 1), null, default);

        Assert.Equal((int)(Size / Populator.InProcessChunk), _kernel.Calls.Count(call => call == "Pause"));
    }

    private static byte[] Report(PopulateReportKind kind, int errno, ulong value)
    {
        var bytes = new byte[PopulateReport.Size];
        new PopulateReport(kind, errno, value).Write(bytes);
        return bytes;
    }

    private void Says(byte[] report) => _kernel.Child = (_, write, _) =>
    {
        write(report);
        return new ProcessEnd(2, null);
    };

    /// <summary>The request fails with this text, and neither process, mapping, descriptor nor id is left.</summary>
    private async Task RefusedAsync(string text)
    {
        var (descriptors, mappings) = (_kernel.OpenDescriptors, _kernel.MappingCount);

        var reply = await _client.AskAsync(Add);

        Assert.Equal(text, reply.GetProperty("error").GetProperty("desc").GetString());
        Assert.Equal(0, _kernel.Zombies);
        Assert.Equal((descriptors, mappings), (_kernel.OpenDescriptors, _kernel.MappingCount));
        _guest.Guest.ClaimObjectId("m");
        _guest.Guest.ReleaseObjectId("m");
    }
}
