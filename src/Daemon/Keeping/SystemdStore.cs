using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;
using Serilog;

namespace Hostmemd.Keeping;

/// <summary>
/// The service manager as the keeper: its store of descriptors, which it gives to the next process of the unit. Source: man 3
/// sd_pid_notify_with_fds, man 3 sd_listen_fds. Safe on any thread.
/// </summary>
internal sealed class SystemdStore : Keeper
{

    /// <summary>What is ours in a store that has sockets of the unit too.</summary>
    private const string Prefix = "memory.";

    /// <summary>Bytes; longer names are refused.</summary>
    private const int MaxName = 255;

    /// <summary>How long to wait before a full socket is tried again.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(1);

    /// <summary>How long the manager may take to have looked at a message.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IKernel _kernel;
    private readonly ILogger _log;
    private readonly Socket _socket;
    private readonly Lock _gate = new();
    private readonly HashSet<string> _names = [];

    private SystemdStore(IKernel kernel, ILogger log, Socket socket, Dictionary<string, SafeFileHandle> found)
    {
        (_kernel, _log, _socket, Found, Pid) = (kernel, log, socket, found, kernel.Getppid());
        _names.UnionWith(found.Keys);
    }

    /// <summary>What it gave us, by id; whoever takes one owns it.</summary>
    public Dictionary<string, SafeFileHandle> Found { get; }

    /// <summary>The manager started this process, and has open what is in its store.</summary>
    public override int Pid { get; }

    /// <summary>Never: it would have ended us.</summary>
    public override Task Ended { get; } = new TaskCompletionSource().Task;

    /// <summary>Takes what the manager gave this process, and connects to it.</summary>
    /// <param name="given">What the manager handed over.</param>
    /// <exception cref="KeepException">There is no service manager.</exception>
    public static SystemdStore Open(IKernel kernel, ILogger log, IReadOnlyList<GivenDescriptor> given)
    {
        if (NotifySocket.Address is not { } address)
            throw new KeepException($"{NotifySocket.Variable} is not set: run the daemon as a unit with FileDescriptorStoreMax= and NotifyAccess=main");
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            socket.Connect(address);
            return new SystemdStore(kernel, log, socket, TakeDescriptors(kernel, given));
        }
        catch (Exception e) when (e is SocketException or KernelException)
        {
            socket.Dispose();
            throw new KeepException($"{NotifySocket.Variable} {address}: {e.Message}");
        }
    }

    public override async Task<bool> TryStoreAsync(string name, SafeHandle file)
    {
        if (Prefix.Length + Encoding.UTF8.GetByteCount(name) > MaxName)
        {
            _log.Error("Memory backend {Id} would not outlive the daemon: its id is too long for the service manager", name);
            return true;
        }
        lock (_gate)
            _names.Add(name);
        // Without polling: memory never hangs up.
        if (!await SendAsync($"FDSTORE=1\nFDNAME={Prefix}{name}\nFDPOLL=0", file).ConfigureAwait(false)
            || !await SettleAsync().ConfigureAwait(false))
            _log.Error("Memory backend {Id} would not outlive the daemon: the service manager does not take it", name);
        return true;
    }

    public override async Task ReleaseAsync(string name, bool untilClosed)
    {
        lock (_gate)
            _names.Remove(name);
        await SendAsync($"FDSTOREREMOVE=1\nFDNAME={Prefix}{name}", null).ConfigureAwait(false);
        if (untilClosed)
            await SettleAsync().ConfigureAwait(false);
    }

    /// <summary>The manager does that, where the unit says so (Restart=).</summary>
    public override Task SetRestartAsync(IReadOnlyList<string>? arguments) => Task.CompletedTask;

    public override async Task QuitAsync()
    {
        string[] names;
        lock (_gate)
            names = [.. _names];
        foreach (var name in names)
            await SendAsync($"FDSTOREREMOVE=1\nFDNAME={Prefix}{name}", null).ConfigureAwait(false);
        await SettleAsync().ConfigureAwait(false);
        Detach();
    }

    public override Task ReapAsync() => Task.CompletedTask;

    public override void Detach() => _socket.Dispose();

    /// <summary>Those of others stay as they are.</summary>
    private static Dictionary<string, SafeFileHandle> TakeDescriptors(IKernel kernel, IReadOnlyList<GivenDescriptor> given)
    {
        var found = new Dictionary<string, SafeFileHandle>();
        foreach (var (descriptor, name) in given.Where(given => given.Name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            // It came without close-on-exec; the copy has it.
            using var inherited = new SafeFileHandle(descriptor, ownsHandle: true);
            found[name[Prefix.Length..]] = kernel.Duplicate(inherited);
        }
        return found;
    }

    /// <returns>false: the manager is gone, or refuses it.</returns>
    private async Task<bool> SendAsync(string message, SafeHandle? file)
    {
        var bytes = Encoding.UTF8.GetBytes(message);
        try
        {
            while ((file is null ? SocketMessages.Send(_socket.SafeHandle, bytes, []) : SocketMessages.Send(_socket.SafeHandle, bytes, file)) < 0)
                await Task.Delay(Wait).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Waits until the manager has looked at all that was sent: it closes a descriptor that comes behind it (BARRIER=1).</summary>
    private async Task<bool> SettleAsync()
    {
        try
        {
            var (ours, theirs) = _kernel.Socketpair();
            using var socket = new Socket(new SafeSocketHandle(ours.DangerousGetHandle(), ownsHandle: true));
            ours.SetHandleAsInvalid();
            using (theirs)
                if (!await SendAsync("BARRIER=1", theirs).ConfigureAwait(false))
                    return false;
            using var limit = new CancellationTokenSource(Patience);
            return await socket.ReceiveAsync(new byte[1], limit.Token).ConfigureAwait(false) == 0;
        }
        catch (Exception e) when (e is KernelException or SocketException or OperationCanceledException)
        {
            return false;
        }
    }
}
