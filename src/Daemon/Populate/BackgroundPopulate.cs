using Hostmemd.Kvm;

namespace Hostmemd.Populate;

/// <summary>
/// Populates with threads that give way to everybody (SCHED_IDLE): a thread of the daemon, a vCPU or a client that wakes up has the CPU at
/// once. Where others leave them nothing, as many threads of the usual priority go on in their place.
/// </summary>
/// <remarks>In the helper process. Measured in docs/performance.md, populating.</remarks>
internal static class BackgroundPopulate
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>Without a chunk done for so many looks the host is busy: one takes 10 ms where there is a CPU.</summary>
    private const int Patience = 2;

    /// <summary>As <see cref="MappedMemory.Populate(PopulateOptions, CancellationToken)"/>, on threads of its own; stopped by its credit.</summary>
    /// <exception cref="KernelException">The first errno that any thread met.</exception>
    /// <exception cref="OperationCanceledException">Stopped before all was done.</exception>
    public static void Run(IKernel kernel, MappedMemory memory, PopulateCredit credit, PopulateOptions options)
    {
        KernelException? failure = null;
        var threads = new List<Thread>
        {
            Start(options with
            {
                Prepare = () =>
                {
                    GiveWay(kernel);
                    options.Prepare?.Invoke();
                },
            }),
        };
        var (done, without) = (0UL, 0);
        while (!threads[0].Join(LookEvery))
        {
            without = credit.IsOutstanding && credit.Done == done ? without + 1 : 0;
            done = credit.Done;
            if (without == Patience && threads.Count == 1)
                threads.Add(Start(options));
        }

        foreach (var thread in threads)
            thread.Join();
        if (failure is not null)
            throw new KernelException(failure.Call, failure.Errno);
        if (credit.Done != options.Length)
            throw new OperationCanceledException();

        Thread Start(PopulateOptions its)
        {
            var thread = new Thread(() =>
            {
                try
                {
                    memory.Populate(its, CancellationToken.None);
                }
                catch (OperationCanceledException)
                {
                    // Stopped, or the others are at the last chunks.
                }
                catch (KernelException e)
                {
                    Interlocked.CompareExchange(ref failure, e, null);
                }
            })
            { Name = "populate" };
            thread.Start();
            return thread;
        }
    }

    private static void GiveWay(IKernel kernel)
    {
        try
        {
            kernel.SetIdleScheduling();
        }
        catch (KernelException)
        {
            // A seccomp filter, as in a container: others wait a little longer.
        }
    }
}
