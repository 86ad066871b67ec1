using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Hostmemd.Guests;
using Hostmemd.Sessions;

namespace Hostmemd.Metrics;

/// <summary>Answers GET /metrics over HTTP on a Unix socket, one request a connection. Reading changes nothing, and nothing else is answered.</summary>
internal sealed class MetricsListener : IAsyncDisposable
{
    private const int MaxRequest = 8192;

    /// <summary>Readers served at a time; more wait to be accepted.</summary>
    private const int MaxReaders = 4;

    /// <summary>A reader that takes longer to ask and to take the answer is cut off.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly ListeningSocket _listening;
    private readonly Guest _guest;
    private readonly SemaphoreSlim _free = new(MaxReaders);
    private readonly CancellationTokenSource _ending = new();
    private Task _accepting = Task.CompletedTask;

    private MetricsListener(ListeningSocket listening, Guest guest) => (_listening, _guest) = (listening, guest);

    /// <param name="listening">Owned from now on.</param>
    public static MetricsListener Start(ListeningSocket listening, Guest guest)
    {
        var listener = new MetricsListener(listening, guest);
        listener._accepting = listener.AcceptAllAsync();
        return listener;
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        _listening.Close();
        await _accepting.ConfigureAwait(false);
        // Each gives its place back when it has gone.
        for (var i = 0; i < MaxReaders; i++)
            await _free.WaitAsync().ConfigureAwait(false);
        _listening.Dispose();
        _ending.Dispose();
    }

    private async Task AcceptAllAsync()
    {
        try
        {
            while (true)
            {
                await _free.WaitAsync(_ending.Token).ConfigureAwait(false);
                Socket? reader = null;
                try
                {
                    reader = await _listening.Socket.AcceptAsync(_ending.Token).ConfigureAwait(false);
                }
                catch (SocketException)
                {
                    // One reader's trouble, or no descriptors left.
                    await Task.Delay(TimeSpan.FromMilliseconds(50), _guest.Clock, _ending.Token).ConfigureAwait(false);
                }
                finally
                {
                    if (reader is null)
                        _free.Release();
                }
                if (reader is not null)
                    _ = ServeAsync(reader);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The daemon ends.
        }
    }

    private async Task ServeAsync(Socket reader)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token);
            limit.CancelAfter(Patience);
            using (reader)
            {
                var answer = Answer(await RequestAsync(reader, limit.Token).ConfigureAwait(false));
                for (ReadOnlyMemory<byte> left = answer; !left.IsEmpty;)
                    left = left[await reader.SendAsync(left, SocketFlags.None, limit.Token).ConfigureAwait(false)..];
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Too slow, or gone.
        }
        finally
        {
            _free.Release();
        }
    }

    /// <returns>The request's head; as much of it as fits where it is longer.</returns>
    private static async Task<string> RequestAsync(Socket reader, CancellationToken limit)
    {
        var buffer = new byte[MaxRequest];
        var have = 0;
        while (have < buffer.Length && buffer.AsSpan(0, have).IndexOf("\r\n\r\n"u8) < 0)
        {
            var count = await reader.ReceiveAsync(buffer.AsMemory(have), SocketFlags.None, limit).ConfigureAwait(false);
            if (count == 0)
                break;
            have += count;
        }
        return Encoding.Latin1.GetString(buffer, 0, have);
    }

    private byte[] Answer(string request)
    {
        var (status, type, body) = request.Split(' ', 3) switch
        {
            ["GET", "/metrics" or "/", _] => ("200 OK", OpenMetricsWriter.ContentType, GuestMetrics.Text(_guest)),
            ["GET", _, _] => ("404 Not Found", "text/plain", "There is /metrics.\n"),
            _ => ("400 Bad Request", "text/plain", "There is GET /metrics.\n"),
        };
        var bytes = Encoding.UTF8.GetBytes(body);
        var head = string.Create(
            CultureInfo.InvariantCulture, $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {bytes.Length}\r\nConnection: close\r\n\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. bytes];
    }
}
