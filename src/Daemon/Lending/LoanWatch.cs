using Hostmemd.Kvm;
using Hostmemd.Objects;
using Microsoft.Win32.SafeHandles;
using Serilog;

namespace Hostmemd.Lending;

/// <summary>
/// Sees borrowers end (pidfd) and files being opened and closed (inotify), on a thread of its own that starts when there is something to
/// see. What it saw it tells on that thread.
/// </summary>
/// <param name="ended">A process has ended.</param>
/// <param name="opened">These files were opened or closed, by whom is not known. Told once for many.</param>
internal sealed class LoanWatch(IKernel kernel, ILogger log, Action<Borrower> ended, Action<IReadOnlyDictionary<MemoryBackend, bool>> opened)
    : IDisposable
{
    private const ulong Wake = ulong.MaxValue;
    private const ulong Files = ulong.MaxValue - 1;
    private const int EventHead = 16; // struct inotify_event: watch, mask, cookie, length, and then a name, which files have not
    private const uint Opened = 0x20; // IN_OPEN

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, (Borrower Borrower, ProcessFd Process)> _processes = [];
    private readonly Dictionary<int, HashSet<MemoryBackend>> _files = [];
    private readonly Dictionary<MemoryBackend, int> _watches = [];
    private readonly List<TaskCompletionSource> _settling = [];
    private Dictionary<MemoryBackend, bool> _touched = [];
    private SafeFileHandle? _epoll;
    private SafeFileHandle? _inotify;
    private (SafeFileHandle Ours, SafeFileHandle Theirs)? _wake;
    private Thread? _thread;
    private ulong _nextToken;
    private bool _telling;
    private bool _stopping;

    /// <summary>Tells when a process ends, at once if it has.</summary>
    /// <param name="process">Owned from now on.</param>
    /// <exception cref="KernelException">It cannot be watched.</exception>
    public void Add(Borrower borrower, ProcessFd process)
    {
        lock (_gate)
        {
            try
            {
                if (_stopping || _processes.Values.Any(known => known.Borrower.IsSameProcess(borrower)))
                {
                    process.Dispose();
                    return;
                }
                Start();
                _processes.Add(_nextToken, (borrower, process));
                kernel.EpollAdd(_epoll!, process, _nextToken++);
            }
            catch
            {
                _processes.Remove(_nextToken);
                process.Dispose();
                throw;
            }
        }
    }

    /// <summary>Tells when a backend's file is opened or closed, until <see cref="Remove"/>. Once more is nothing.</summary>
    /// <exception cref="KernelException">ENOSPC: the host has no watches left.</exception>
    public void Add(MemoryBackend backend)
    {
        lock (_gate)
        {
            if (_watches.ContainsKey(backend))
                return;
            Start();
            if (_inotify is null)
            {
                var inotify = kernel.InotifyInit();
                try
                {
                    kernel.EpollAdd(_epoll!, inotify, Files);
                }
                catch
                {
                    inotify.Dispose();
                    throw;
                }
                _inotify = inotify;
            }
            var watch = kernel.InotifyAdd(_inotify, backend.File!.Handle);
            // Two backends of one file have one watch.
            if (!_files.TryGetValue(watch, out var backends))
                _files.Add(watch, backends = []);
            // Our own opening of it for this backend is nobody else's.
            Drain();
            foreach (var other in backends)
                _touched[other] = false;
            if (backends.Count > 0)
                kernel.Write(_wake!.Value.Ours, [0]);
            backends.Add(backend);
            _watches.Add(backend, watch);
        }
    }

    /// <summary>Has a backend looked at as if it was closed just now: what happened before its watch is not known.</summary>
    public void Touch(MemoryBackend backend)
    {
        lock (_gate)
        {
            if (!_watches.ContainsKey(backend))
                return;
            _touched.TryAdd(backend, false);
            kernel.Write(_wake!.Value.Ours, [0]);
        }
    }

    /// <summary>No more of this file: a watch keeps its pages.</summary>
    public void Remove(MemoryBackend backend)
    {
        lock (_gate)
        {
            _touched.Remove(backend);
            if (!_watches.Remove(backend, out var watch) || !_files[watch].Remove(backend) || _files[watch].Count > 0)
                return;
            _files.Remove(watch);
            kernel.InotifyRemove(_inotify!, watch);
        }
    }

    /// <summary>Completes when all that was opened and closed until now was told.</summary>
    public Task SettleAsync()
    {
        lock (_gate)
        {
            if (_inotify is null || _stopping)
                return Task.CompletedTask;
            Drain();
            if (_touched.Count == 0 && !_telling)
                return Task.CompletedTask;
            var settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _settling.Add(settled);
            kernel.Write(_wake!.Value.Ours, [0]);
            return settled.Task;
        }
    }

    /// <summary>Ends the thread. The processes go on.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
                return;
            _stopping = true;
            if (_thread is not null)
                WakeToStop();
        }
        _thread?.Join();
        foreach (var (_, process) in _processes.Values)
            process.Dispose();
        _inotify?.Dispose();
        _epoll?.Dispose();
        _wake?.Ours.Dispose();
        _wake?.Theirs.Dispose();
    }

    private void Start()
    {
        if (_thread is not null)
            return;
        _epoll ??= kernel.EpollCreate();
        if (_wake is null)
        {
            var wake = kernel.Socketpair();
            try
            {
                kernel.EpollAdd(_epoll, wake.Theirs, Wake);
            }
            catch
            {
                // Without it the thread could never be ended.
                wake.Ours.Dispose();
                wake.Theirs.Dispose();
                throw;
            }
            _wake = wake;
        }
        var thread = new Thread(Run) { IsBackground = true, Name = "loan-watch" };
        thread.Start();
        _thread = thread;
    }

    private void WakeToStop()
    {
        try
        {
            kernel.Write(_wake!.Value.Ours, [0]);
        }
        catch (KernelException)
        {
            // Its end wakes as well.
            _wake!.Value.Ours.Dispose();
        }
    }

    private void Run()
    {
        var tokens = new ulong[64];
        try
        {
            while (Look(tokens))
                Tell();
        }
        catch (KernelException e)
        {
            log.Error("Borrowers are no longer watched: {Error}", e.Message);
        }
        lock (_gate)
        {
            _stopping = true;
            Settled();
        }
    }

    /// <returns>false: it is over.</returns>
    private bool Look(ulong[] tokens)
    {
        Span<byte> woken = stackalloc byte[1];
        var count = kernel.EpollWait(_epoll!, tokens);
        foreach (var token in tokens.AsSpan(0, count))
        {
            if (token == Wake)
            {
                lock (_gate)
                    if (_stopping)
                        return false;
                kernel.Read(_wake!.Value.Theirs, woken);
            }
            else if (token != Files)
            {
                End(token);
            }
        }
        return true;
    }

    private void End(ulong token)
    {
        (Borrower Borrower, ProcessFd Process) over;
        lock (_gate)
        {
            if (!_processes.Remove(token, out over))
                return;
            kernel.EpollRemove(_epoll!, over.Process);
        }
        over.Process.Dispose();
        ended(over.Borrower);
    }

    private void Tell()
    {
        while (true)
        {
            Dictionary<MemoryBackend, bool> touched;
            lock (_gate)
            {
                if (_inotify is not null)
                    Drain();
                if (_touched.Count == 0)
                {
                    _telling = false;
                    Settled();
                    return;
                }
                (touched, _touched, _telling) = (_touched, [], true);
            }
            opened(touched);
        }
    }

    private void Settled()
    {
        foreach (var settled in _settling)
            settled.SetResult();
        _settling.Clear();
    }

    /// <summary>Notes the files that were opened (true) or closed last.</summary>
    private void Drain()
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (kernel.InotifyRead(_inotify!, buffer) is var length and > 0)
            for (var at = 0; at + EventHead <= length;)
            {
                var watch = BitConverter.ToInt32(buffer[at..]);
                var mask = BitConverter.ToUInt32(buffer[(at + 4)..]);
                at += EventHead + (int)BitConverter.ToUInt32(buffer[(at + 12)..]);
                foreach (var backend in _files.GetValueOrDefault(watch) ?? [])
                    _touched[backend] = (mask & Opened) != 0;
            }
    }
}
