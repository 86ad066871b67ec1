using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm.Tests;

public sealed partial class FakeKernel
{
    private readonly Dictionary<SafeHandle, (BlockingCollection<byte[]> From, BlockingCollection<byte[]> To)> _sockets = [];
    private readonly Dictionary<ProcessFd, FakeProcess> _processes = [];
    private readonly Dictionary<SafeHandle, byte[]> _rest = [];

    /// <summary>
    /// What a child does, on a thread: what it writes goes to its standard output, and closing that is its end. Signals cancel it. Null: no
    /// program can be started.
    /// </summary>
    public Func<SpawnOptions, Action<byte[]>, CancellationToken, ProcessEnd>? Child { get; set; }

    /// <summary>Children that nobody waited for.</summary>
    public int Zombies
    {
        get
        {
            lock (_lock)
                return _processes.Count;
        }
    }

    public (SafeFileHandle Ours, SafeFileHandle Theirs) Socketpair() => Enter(nameof(Socketpair), () =>
    {
        var (one, other) = (new BlockingCollection<byte[]>(), new BlockingCollection<byte[]>());
        var ours = Register(new SafeFileHandle(Null(), ownsHandle: true), new FakeFile("socket"));
        var theirs = Register(new SafeFileHandle(Null(), ownsHandle: true), new FakeFile("socket"));
        _sockets.Add(ours, (one, other));
        _sockets.Add(theirs, (other, one));
        return (ours, theirs);
    });

    public ProcessFd Spawn(SpawnOptions options) => Enter(nameof(Spawn), () =>
    {
        var child = Child ?? throw new KernelException("posix_spawn", Errno.ENOENT);
        foreach (var handle in options.Descriptors)
            FileOf(handle, "posix_spawn");
        var process = Register(new ProcessFd(Null(), pid: 4242), new FakeFile("anon_inode:[pidfd]"));
        var known = new FakeProcess();
        _processes.Add(process, known);
        var output = _sockets[options.Descriptors[1]].To;
        new Thread(() =>
        {
            var end = child(options, output.Add, known.Killed.Token);
            output.CompleteAdding();
            known.End = known.Killed.IsCancellationRequested ? new ProcessEnd(null, 9) : end;
            known.Ended.Set();
        })
        { IsBackground = true, Name = "fake-child" }.Start();
        return process;
    });

    public void SendSignal(ProcessFd process, int signal) => Enter(nameof(SendSignal), () =>
    {
        if (!_processes.TryGetValue(process, out var known))
            throw new KernelException("pidfd_send_signal", Errno.ESRCH);
        known.Killed.Cancel();
        return true;
    });

    public ProcessEnd WaitFor(ProcessFd process)
    {
        var known = Enter(nameof(WaitFor), () => _processes.Remove(process, out var found) ? found : throw new KernelException("waitid", Errno.ECHILD));
        known.Ended.Wait();
        return known.End;
    }

    public int Read(SafeHandle file, Span<byte> buffer)
    {
        var from = Enter(nameof(Read), () => _sockets[file].From);
        if (!_rest.Remove(file, out var bytes) && !from.TryTake(out bytes, Timeout.Infinite))
            return 0;

        var count = Math.Min(bytes.Length, buffer.Length);
        bytes.AsSpan(0, count).CopyTo(buffer);
        if (count < bytes.Length)
            _rest.Add(file, bytes[count..]);
        return count;
    }

    public int Write(SafeHandle file, ReadOnlySpan<byte> buffer)
    {
        var bytes = buffer.ToArray();
        return Enter(nameof(Write), () =>
        {
            _sockets[file].To.Add(bytes);
            System.Threading.Monitor.PulseAll(_lock);
            return bytes.Length;
        });
    }

    public void SetMempolicy(MemoryPolicy policy, IReadOnlyCollection<uint> nodes) =>
        Enter(nameof(SetMempolicy), () => nodes.Any(node => node != 0) ? throw new KernelException("set_mempolicy", Errno.EINVAL) : TaskPolicy = policy);

    public MemoryPolicy GetTaskMempolicy() => Enter(nameof(GetTaskMempolicy), () => TaskPolicy);

    /// <summary>Of whichever thread set it last.</summary>
    public MemoryPolicy TaskPolicy { get; set; }

    public void SetIdleScheduling() => Enter(nameof(SetIdleScheduling), () => true);

    public void Pause(TimeSpan time) => Enter(nameof(Pause), () => true);

    private sealed class FakeProcess
    {
        public CancellationTokenSource Killed { get; } = new();

        public ManualResetEventSlim Ended { get; } = new();

        public ProcessEnd End { get; set; }
    }
}
