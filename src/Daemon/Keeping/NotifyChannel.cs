using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Keeping;

/// <summary>
/// Messages with descriptors to the service manager, which answers none: it looks at them in their order, and that it has can be seen.
/// Source: man 3 sd_pid_notify_with_fds, man 3 sd_notify_barrier. Safe on any thread.
/// </summary>
internal sealed class NotifyChannel : IDisposable
{
    /// <summary>How long to wait before a full socket is tried again.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(1);

    /// <summary>How long the manager may take to have looked at a message.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IKernel _kernel;
    private readonly SemaphoreSlim _one = new(1);
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    /// <exception cref="SocketException">Nobody is there.</exception>
    public NotifyChannel(IKernel kernel, UnixDomainSocketEndPoint address)
    {
        _kernel = kernel;
        try
        {
            _socket.Connect(address);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Sends messages, with nobody else's between them.</summary>
    /// <returns>false: the manager is gone, or refuses one.</returns>
    public async Task<bool> SendAsync(params NotifyMessage[] messages)
    {
        try
        {
            await _one.WaitAsync().ConfigureAwait(false);
            try
            {
                foreach (var message in messages)
                    while (!TrySend(message))
                        await Task.Delay(Wait).ConfigureAwait(false);
            }
            finally
            {
                _one.Release();
            }
            return true;
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Waits until the manager has looked at all that was sent: it closes a descriptor that comes behind it.</summary>
    /// <returns>false: it does not answer.</returns>
    public async Task<bool> SettleAsync()
    {
        try
        {
            var (ours, theirs) = Pair();
            using (ours)
            {
                using (theirs)
                    if (!await SendAsync(new NotifyMessage("BARRIER=1", theirs)).ConfigureAwait(false))
                        return false;
                using var limit = new CancellationTokenSource(Patience);
                return await ours.ReceiveAsync(new byte[1], limit.Token).ConfigureAwait(false) == 0;
            }
        }
        catch (Exception e) when (e is KernelException or SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Two ends: ours tells when nobody has the other any more.</summary>
    /// <exception cref="KernelException">EMFILE.</exception>
    public (Socket Ours, SafeHandle Theirs) Pair()
    {
        var (ours, theirs) = _kernel.Socketpair();
        var socket = new Socket(new SafeSocketHandle(ours.DangerousGetHandle(), ownsHandle: true));
        ours.SetHandleAsInvalid();
        return (socket, theirs);
    }

    /// <summary>Whoever waits for its turn finds the socket closed.</summary>
    public void Dispose() => _socket.Dispose();

    private bool TrySend(NotifyMessage message)
    {
        var bytes = Encoding.UTF8.GetBytes(message.Text);
        return (message.File is { } file ? SocketMessages.Send(_socket.SafeHandle, bytes, file) : SocketMessages.Send(_socket.SafeHandle, bytes, [])) >= 0;
    }
}
