using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Daemon.Tests.Support;

internal sealed partial class FailingKernel
{
    public (SafeFileHandle Ours, SafeFileHandle Theirs) Socketpair() => Next().Socketpair();

    public ProcessFd Spawn(SpawnOptions options) => Next().Spawn(options);

    public void SendSignal(ProcessFd process, int signal) => Next().SendSignal(process, signal);

    public ProcessEnd WaitFor(ProcessFd process) => Next().WaitFor(process);

    public int Read(SafeHandle file, Span<byte> buffer) => Next().Read(file, buffer);

    public int Write(SafeHandle file, ReadOnlySpan<byte> buffer) => Next().Write(file, buffer);

    public void SetMempolicy(MemoryPolicy policy, IReadOnlyCollection<uint> nodes) => Next().SetMempolicy(policy, nodes);

    public MemoryPolicy GetTaskMempolicy() => Next().GetTaskMempolicy();

    public void SetIdleScheduling() => Next().SetIdleScheduling();

    public void Pause(TimeSpan time) => Next().Pause(time);
}
