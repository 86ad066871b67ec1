using Hostmemd.Kvm;

namespace Hostmemd.Objects.Threads;

/// <summary>A thread of the host that only waits: its number and the CPUs it may run on are what others look at.</summary>
internal sealed class ParkedThread : IDisposable
{
    private const int StackSize = 128 << 10;

    private readonly ManualResetEventSlim _end = new();
    private readonly Thread _thread;

    private ParkedThread(IKernel kernel, string name, TaskCompletionSource<int> started) => _thread = new Thread(
        () =>
        {
            try
            {
                started.SetResult(kernel.Gettid());
            }
            catch (KernelException e)
            {
                started.SetException(e);
                return;
            }
            _end.Wait();
        },
        StackSize)
    {
        IsBackground = true,
        Name = name,
    };

    /// <summary>The thread's number on the host (gettid).</summary>
    public int Tid { get; private set; }

    /// <exception cref="OutOfMemoryException">The host starts no more threads.</exception>
    public static async Task<ParkedThread> StartAsync(IKernel kernel, string name)
    {
        var started = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var parked = new ParkedThread(kernel, name, started);
        parked._thread.Start();
        parked.Tid = await started.Task.ConfigureAwait(false);
        return parked;
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _end.Dispose();
    }
}
