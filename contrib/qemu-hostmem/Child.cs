using Hostmemd.Kvm;

namespace Hostmemd.QemuHostmem;

/// <summary>A process that was started; it is waited for from the beginning.</summary>
internal sealed class Child
{
    private const int Kill = 9;

    private readonly IKernel _kernel;
    private readonly ProcessFd _process;
    private readonly TaskCompletionSource<ProcessEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Child(IKernel kernel, ProcessFd process)
    {
        (_kernel, _process) = (kernel, process);
        new Thread(Wait) { IsBackground = true, Name = "wait-for-child" }.Start();
    }

    /// <summary>Completes when it has ended.</summary>
    public Task<ProcessEnd> Ended => _ended.Task;

    /// <summary>What a shell gives as exit status.</summary>
    public static int StatusOf(ProcessEnd end) => end.Status ?? 128 + end.Signal!.Value;

    public void Signal(int signal)
    {
        try
        {
            _kernel.SendSignal(_process, signal);
        }
        catch (KernelException)
        {
            // It has ended.
        }
    }

    /// <summary>Ends it and waits for that.</summary>
    public async Task EndAsync()
    {
        Signal(Kill);
        await Ended.ConfigureAwait(false);
    }

    private void Wait()
    {
        try
        {
            _ended.SetResult(_kernel.WaitFor(_process));
        }
        catch (KernelException e)
        {
            _ended.SetException(e);
        }
    }
}
