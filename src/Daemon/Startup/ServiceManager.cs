using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Hostmemd.Guests;
using Hostmemd.Keeping;

namespace Hostmemd.Startup;

/// <summary>Tells the service manager that started the program how it stands. Source: man 3 sd_notify, man 3 sd_watchdog_enabled.</summary>
internal sealed class ServiceManager(UnixDomainSocketEndPoint address) : IAsyncDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _ended = new();
    private Task _watched = Task.CompletedTask;

    /// <summary>The one that the environment names; null: none did start it.</summary>
    public static ServiceManager? Find() => NotifySocket.Address is { } address ? new ServiceManager(address) : null;

    /// <summary>Clients can connect. From now on it is told that the guest answers, if it asked for that.</summary>
    public void Ready(string status, Guest guest)
    {
        Send($"READY=1\nSTATUS={status}");
        if (WatchdogInterval() is { } interval)
            _watched = WatchAsync(guest, interval / 2);
    }

    /// <summary>It ends; also when the guest's last work takes its time.</summary>
    public void Stopping(string status) => Send($"STOPPING=1\nSTATUS={status}");

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        await _watched.ConfigureAwait(false);
        _socket.Dispose();
        _ended.Dispose();
    }

    private static TimeSpan? WatchdogInterval()
    {
        var process = Environment.GetEnvironmentVariable("WATCHDOG_PID");
        return (process is null || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            && long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var time) && time > 0
            ? TimeSpan.FromMicroseconds(time)
            : null;
    }

    /// <summary>A word at each interval, when the owner of the state and the VM thread have let something through: where one hangs, none comes.</summary>
    private async Task WatchAsync(Guest guest, TimeSpan interval)
    {
        try
        {
            while (true)
            {
                guest.Owned(_ => { });
                if (guest.Vm is { } vm)
                    await vm.RunAsync(_ => { }).WaitAsync(_ended.Token).ConfigureAwait(false);
                Send("WATCHDOG=1");
                await Task.Delay(interval, guest.Clock, _ended.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The daemon ends.
        }
    }

    private void Send(string state)
    {
        try
        {
            _socket.SendTo(Encoding.UTF8.GetBytes(state), SocketFlags.None, address);
        }
        catch (SocketException)
        {
            // Whoever was to be told is gone; the daemon is of use all the same.
        }
    }
}
