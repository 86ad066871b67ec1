using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>Populating on credit: how far it goes, and who lets it go on.</summary>
public sealed class PopulateCreditTests
{
    private const ulong MiB = 1 << 20;

    [Fact]
    public async Task It_goes_as_far_as_is_granted_and_no_further_until_more_is()
    {
        var kernel = new LinuxKernel();
        using var file = kernel.MemfdCreate("credit", MemfdFlags.None);
        kernel.Ftruncate(file, 16 * MiB);
        using var memory = MappedMemory.Create(kernel, new MappingOptions { Size = 16 * MiB, File = file, Shared = true });
        var credit = new PopulateCredit();
        var reached = new SemaphoreSlim(0);
        var run = Task.Run(() => memory.Populate(
            new PopulateOptions
            {
                Length = 16 * MiB,
                Threads = 2,
                ChunkSize = 2 * MiB,
                Credit = credit,
                Progress = _ => reached.Release(),
            },
            default));

        // Five MiB are two chunks and a half.
        credit.Grant(5 * MiB);
        for (var i = 0; i < 3; i++)
            Assert.True(await reached.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.False(await reached.WaitAsync(TimeSpan.FromMilliseconds(50)));
        Assert.Equal((5 * MiB, 5 * MiB), (credit.Done, kernel.Fstat(file).Blocks * 512));

        credit.Grant(4 * MiB);
        Assert.False(await reached.WaitAsync(TimeSpan.FromMilliseconds(50)));
        credit.Grant(16 * MiB);
        await run;
        Assert.Equal((16 * MiB, 16 * MiB), (credit.Done, kernel.Fstat(file).Blocks * 512));
    }

    [Fact]
    public async Task Who_waits_for_credit_ends_when_it_is_stopped_or_cancelled()
    {
        var kernel = new FakeKernel();
        using var memory = MappedMemory.Create(kernel, new MappingOptions { Size = 8 * MiB });
        foreach (var cancelled in new[] { false, true })
        {
            using var cancel = new CancellationTokenSource();
            var credit = new PopulateCredit();
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var run = Task.Run(() => memory.Populate(
                new PopulateOptions { Length = 8 * MiB, Threads = 3, ChunkSize = MiB, Credit = credit, Progress = _ => begun.TrySetResult() }, cancel.Token));
            credit.Grant(MiB);
            await begun.Task;

            if (cancelled)
                await cancel.CancelAsync();
            else
                credit.Stop();

            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
            Assert.Equal(MiB, credit.Done);
        }
    }

    [Fact]
    public async Task A_thread_that_fails_ends_those_that_wait()
    {
        var kernel = new FakeKernel();
        using var memory = MappedMemory.Create(kernel, new MappingOptions { Size = 8 * MiB });
        var credit = new PopulateCredit();
        kernel.FailAt("Madvise", 1, Errno.ENOMEM);
        var run = Task.Run(() => memory.Populate(new PopulateOptions { Length = 8 * MiB, Threads = 3, ChunkSize = MiB, Credit = credit }, default));

        credit.Grant(MiB);

        Assert.Equal(Errno.ENOMEM, (await Assert.ThrowsAsync<KernelException>(() => run)).Errno);
    }
}
