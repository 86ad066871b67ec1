using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Hostmemd.Objects;
using Hostmemd.Populate;
using Hostmemd.Startup;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>The daemon's end of a keeper (<see cref="KeeperMode"/>). Safe on any thread.</summary>
internal sealed class KeeperProcess : Keeper
{
    private const UnixFileMode OursAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int Kill = 9;

    /// <summary>The daemon's own connection, and that of one who comes after it.</summary>
    private const int Backlog = 2;

    /// <summary>How long to wait before a full socket is tried again.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(1);

    /// <summary>A keeper has nothing else to do than to answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IKernel _kernel;
    private readonly KeepPaths _paths;
    private readonly Socket _socket;
    private readonly ProcessFd? _process;
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _releases = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private KeeperProcess(IKernel kernel, KeepPaths paths, Socket socket, ProcessFd? process, int pid)
    {
        (_kernel, _paths, _socket, _process, Pid) = (kernel, paths, socket, process, pid);
    }

    public override int Pid { get; }

    public override Task Ended => _ended.Task;

    /// <summary>
    /// Starts a keeper. It is connected to before it runs: what is said to it by then it finds when it does. Under the lock of the record, so
    /// that a socket which nobody listens at is left over.
    /// </summary>
    /// <exception cref="KernelException">It cannot be started. ENAMETOOLONG: the path of the QMP socket leaves no room for its own.</exception>
    /// <exception cref="SocketException">As before.</exception>
    public static KeeperProcess Start(IKernel kernel, KeepPaths paths, HelperProgram program)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(paths.Keeper) > SocketNames.MaxPathBytes)
            throw new KernelException("bind", Errno.ENAMETOOLONG);
        Unlink(kernel, paths);
        using var listening = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        SocketNames.Bind(listening.SafeHandle, paths.Keeper);
        Socket? socket = null;
        try
        {
            File.SetUnixFileMode(paths.Keeper, OursAlone);
            listening.Listen(Backlog);
            socket = Connect(paths);
            // Whoever reads the daemon's output does not wait for the keeper too.
            using var nowhere = kernel.Open("/dev/null", OpenFlags.ReadWrite, 0);
            var process = kernel.Spawn(new SpawnOptions
            {
                Program = program.Path,
                Arguments = program.CommandLine(ProcessName.Keeper, [KeeperMode.Option]),
                Environment = HelperProgram.EnvironmentOfHelper(),
                Descriptors = [listening.SafeHandle, nowhere, nowhere],
            });
            var keeper = new KeeperProcess(kernel, paths, socket, process, process.Pid);
            _ = keeper.ListenAsync(hello: true);
            return keeper;
        }
        catch
        {
            socket?.Dispose();
            Unlink(kernel, paths);
            throw;
        }
    }

    /// <summary>Finds the keeper of a daemon that is gone, and takes what it has.</summary>
    /// <param name="here">As for <see cref="KeeperInventory"/>.</param>
    /// <returns>null: there is none. The descriptors are the caller's.</returns>
    /// <exception cref="KeepException">There is one, and it cannot be had: it stays as it is.</exception>
    public static async Task<(KeeperProcess Keeper, Dictionary<string, SafeFileHandle> Kept)?> FindAsync(
        IKernel kernel, KeepPaths paths, IReadOnlyCollection<string> here)
    {
        Socket? socket = null;
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            socket = Connect(paths);
            var (pid, kept) = await KeeperInventory.TakeAsync(socket, here, limit.Token).ConfigureAwait(false);
            var keeper = new KeeperProcess(kernel, paths, socket, OpenProcess(kernel, pid), pid);
            _ = keeper.ListenAsync(hello: false);
            return (keeper, kept);
        }
        catch (Exception e)
        {
            socket?.Dispose();
            // Nobody listens, or it ended just now.
            if (e is SocketException or IOException or KernelException { Errno: Errno.ECONNRESET })
                return null;
            if (e is KernelException)
                throw new KeepException($"what the keeper at {paths.Keeper} has cannot be taken: {e.Message}");
            if (e is OperationCanceledException)
                throw new KeepException($"the keeper at {paths.Keeper} does not answer");
            throw;
        }
    }

    /// <summary>It may be a child of the program before this one, and then is ours to wait for.</summary>
    private static ProcessFd? OpenProcess(IKernel kernel, int pid)
    {
        try
        {
            return kernel.OpenProcess(pid);
        }
        catch (KernelException)
        {
            // ESRCH: of another PID namespace, or it has ended.
            return null;
        }
    }

    public override Task<bool> TryStoreAsync(string name, SafeHandle file) => SendAsync(KeeperWire.Keep, name, file);

    public override async Task SetRestartAsync(IReadOnlyList<string>? arguments)
    {
        using var error = new SafeFileHandle(2, ownsHandle: false);
        // Where it has ended the next one is told.
        await SendAsync(KeeperWire.Restart, arguments is null ? "" : string.Join('\0', arguments), arguments is null ? null : error).ConfigureAwait(false);
    }

    public override async Task ReleaseAsync(string name, bool untilClosed)
    {
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // Where it has ended all that it had went with it.
        if (await SendAsync(KeeperWire.Release, name, null, released).ConfigureAwait(false) && untilClosed)
            await Task.WhenAny(released.Task, _ended.Task).ConfigureAwait(false);
    }

    public override async Task QuitAsync()
    {
        await SendAsync(KeeperWire.Quit, "", null).ConfigureAwait(false);
        if (await Task.WhenAny(_ended.Task, Task.Delay(Patience)).ConfigureAwait(false) != _ended.Task && _process is not null)
            _kernel.SendSignal(_process, Kill);
        await ReapAsync().ConfigureAwait(false);
        Unlink(_kernel, _paths);
    }

    public override async Task ReapAsync()
    {
        _socket.Dispose();
        if (_process is null)
            return;
        await SlowWork.AsideAsync(() =>
        {
            try
            {
                _kernel.WaitFor(_process);
            }
            catch (KernelException)
            {
                // ECHILD: where SIGCHLD is ignored nobody learns how a child ended.
            }
        }).ConfigureAwait(false);
        _process.Dispose();
    }

    /// <summary>It stays, and waits for the next daemon.</summary>
    public override void Detach()
    {
        _socket.Dispose();
        _process?.Dispose();
    }

    /// <summary>Says something to it, when there is room for it.</summary>
    /// <returns>false: it has ended, or the descriptor is closed.</returns>
    private async Task<bool> SendAsync(byte what, string name, SafeHandle? file, TaskCompletionSource? released = null)
    {
        try
        {
            while (!TrySend(what, name, file, released))
                await Task.Delay(Wait).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return false;
        }
    }

    private bool TrySend(byte what, string name, SafeHandle? file, TaskCompletionSource? released)
    {
        lock (_gate)
        {
            if (!KeeperWire.TrySend(_socket.SafeHandle, what, name, file))
                return false;
            if (released is not null)
                _releases.Enqueue(released);
            return true;
        }
    }

    /// <summary>Takes what it says until it ends.</summary>
    private async Task ListenAsync(bool hello)
    {
        var said = new byte[64];
        try
        {
            var skip = hello ? KeeperWire.HelloSize : 0;
            while (await _socket.ReceiveAsync(said).ConfigureAwait(false) is var count and > 0)
            {
                var isHello = Math.Min(skip, count);
                skip -= isHello;
                for (var i = isHello; i < count; i++)
                    Released();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is gone, or we are going.
        }
        _ended.TrySetResult();
    }

    private void Released()
    {
        TaskCompletionSource? released;
        lock (_gate)
            _releases.TryDequeue(out released);
        // An answer to nothing is of no use, and no harm.
        released?.SetResult();
    }

    private static Socket Connect(KeepPaths paths)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Waits for nobody: what listens takes it, whether it is looking or not.
            socket.Connect(new UnixDomainSocketEndPoint(paths.Keeper));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void Unlink(IKernel kernel, KeepPaths paths)
    {
        try
        {
            kernel.Unlink(paths.Keeper);
        }
        catch (KernelException)
        {
            // ENOENT as a rule; where it is anything else binding says what.
        }
    }
}
