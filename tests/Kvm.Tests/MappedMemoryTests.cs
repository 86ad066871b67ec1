using Xunit;

namespace Hostmemd.Kvm.Tests;

public class MappedMemoryTests
{
    private const ulong MiB = 1 << 20;

    private static readonly MappingOptions Everything = new()
    {
        Size = 5000,
        HugePage = true,
        DontFork = true,
        Merge = true,
        Dump = false,
        Policy = MemoryPolicy.Bind,
        Nodes = [0],
    };

    [Fact]
    public void Whole_pages_are_mapped_with_one_guard_page_behind_them()
    {
        var kernel = new FakeKernel();
        using (var memory = MappedMemory.Create(kernel, Everything))
        {
            Assert.Equal((8192UL, 0UL, 2 * MiB), (memory.Size, memory.Address.Value % (2 * MiB), memory.Alignment));
            Assert.Equal(2, kernel.MappingCount);
        }

        Assert.Equal(0, kernel.MappingCount);
    }

    [Theory]
    [InlineData(nameof(IKernel.Mmap), 1)]
    [InlineData(nameof(IKernel.Mmap), 2)]
    [InlineData(nameof(IKernel.Munmap), 1)]
    [InlineData(nameof(IKernel.Munmap), 2)]
    [InlineData(nameof(IKernel.Madvise), 1)]
    [InlineData(nameof(IKernel.Madvise), 2)]
    [InlineData(nameof(IKernel.Madvise), 3)]
    [InlineData(nameof(IKernel.Madvise), 4)]
    [InlineData(nameof(IKernel.Mbind), 1)]
    public void Whatever_step_fails_nothing_stays_mapped(string method, int nth)
    {
        var kernel = new FakeKernel();
        kernel.FailAt(method, nth, Errno.ENOMEM);
        var error = Assert.Throws<KernelException>(() => MappedMemory.Create(kernel, Everything));
        Assert.Equal((method, Errno.ENOMEM), (error.Call, error.Errno));
        Assert.Equal(0, kernel.MappingCount);
    }

    [Fact]
    public void A_kernel_without_huge_pages_or_KSM_is_no_reason_to_fail()
    {
        var kernel = new FakeKernel();
        kernel.FailAt(nameof(IKernel.Madvise), 1, Errno.EINVAL);
        MappedMemory.Create(kernel, Everything).Dispose();
        Assert.Equal(0, kernel.MappingCount);
    }

    [Fact]
    public void An_undo_that_fails_is_reported_beside_the_first_failure()
    {
        var kernel = new FakeKernel();
        var reports = new List<string>();
        kernel.FailAt(nameof(IKernel.Mbind), 1, Errno.EIO);
        kernel.FailAt(nameof(IKernel.Munmap), 3, Errno.ENOMEM);
        var lost = Assert.Throws<AddressSpaceLostException>(() => MappedMemory.Create(kernel, Everything, reports.Add));
        Assert.Equal(Errno.EIO, Assert.IsType<KernelException>(lost.InnerException).Errno);
        Assert.Contains("lost", Assert.Single(reports), StringComparison.Ordinal);
    }

    [Fact]
    public void A_close_that_fails_throws_and_can_be_tried_again()
    {
        var kernel = new FakeKernel();
        var memory = MappedMemory.Create(kernel, new() { Size = MiB });
        kernel.FailAt(nameof(IKernel.Munmap), 1, Errno.ENOMEM);
        Assert.Throws<KernelException>(memory.Dispose);
        memory.Dispose();
        memory.Dispose();
        Assert.Equal(0, kernel.MappingCount);
    }

    [Fact]
    public void Sizes_that_overflow_are_refused_before_any_call()
    {
        var kernel = new FakeKernel();
        Assert.Throws<OverflowException>(() => MappedMemory.Create(kernel, new() { Size = ulong.MaxValue - 10 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => MappedMemory.Create(kernel, new() { Size = 0 }));
        Assert.Throws<ArgumentException>(() => MappedMemory.Create(kernel, new() { Size = MiB, Alignment = 3 * MiB }));
        Assert.Throws<OverflowException>(() => MappedMemory.Create(kernel, new() { Size = MiB, Offset = ulong.MaxValue - 4095 }));
        Assert.Equal(0, kernel.MappingCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Populating_tells_progress_and_ends_with_all_of_it(int threads)
    {
        using var memory = MappedMemory.Create(new FakeKernel(), new() { Size = 9 * MiB });
        var reached = 0UL;
        memory.Populate(0, memory.Size, threads, done => Max(ref reached, done), default, MiB);
        Assert.Equal(memory.Size, reached);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_first_error_of_any_thread_stops_them_all(int threads)
    {
        var kernel = new FakeKernel();
        using var memory = MappedMemory.Create(kernel, new() { Size = 64 * MiB });
        kernel.FailAt(nameof(IKernel.Madvise), 3, Errno.EHWPOISON);
        var error = Assert.Throws<KernelException>(() => memory.Populate(0, memory.Size, threads, null, default, MiB));
        Assert.Equal(Errno.EHWPOISON, error.Errno);
        // Others may be in a call of their own when the third fails; one alone makes no fourth.
        if (threads == 1)
            Assert.Equal(3, kernel.Calls.Count(call => call == nameof(IKernel.Madvise)));
    }

    [Fact]
    public void A_cancelled_populate_stops_between_chunks()
    {
        var kernel = new FakeKernel();
        using var memory = MappedMemory.Create(kernel, new() { Size = 64 * MiB });
        using var cancel = new CancellationTokenSource();
        var chunks = 0;
        Assert.Throws<OperationCanceledException>(() => memory.Populate(
            0, memory.Size, 1, _ => Cancel(++chunks == 3, cancel), cancel.Token, MiB));
        Assert.Equal(3, chunks);
    }

    [Fact]
    public void Access_outside_is_refused_before_the_kernel_is_asked()
    {
        using var memory = MappedMemory.Create(new FakeKernel(), new() { Size = MiB });
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Read(MiB - 3, new byte[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Write(ulong.MaxValue, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Populate(0, MiB + 4096, 1, null, default));
    }

    private static void Cancel(bool now, CancellationTokenSource source)
    {
        if (now)
            source.Cancel();
    }

    private static void Max(ref ulong target, ulong value)
    {
        for (var seen = Volatile.Read(ref target); seen < value;)
        {
            var before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }
}
