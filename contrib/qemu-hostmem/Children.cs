using System.Collections.Concurrent;
using Hostmemd.Kvm;

namespace Hostmemd.QemuHostmem;

/// <summary>
/// Starts processes on a thread that lasts as long as this one does: they end with the thread that started them, whatever ends it.
/// </summary>
internal sealed class Children
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly IKernel _kernel;

    public Children(IKernel kernel)
    {
        _kernel = kernel;
        new Thread(Run) { IsBackground = true, Name = "children" }.Start();
    }

    /// <exception cref="HostmemException">It cannot be started.</exception>
    public async Task<Child> StartAsync(SpawnOptions options)
    {
        var started = new TaskCompletionSource<ProcessFd>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                started.SetResult(_kernel.Spawn(options));
            }
            catch (KernelException e)
            {
                started.SetException(new HostmemException($"cannot start {options.Program}: {Errno.Text(e.Errno)}"));
            }
        });
        return new Child(_kernel, await started.Task.ConfigureAwait(false));
    }

    private void Run()
    {
        foreach (var work in _work.GetConsumingEnumerable())
            work();
    }
}
