using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>
/// One client on a connection of its own that asks the same again and again, on a thread with a blocking socket: what it measures is the
/// daemon, the kernel and the scheduler, and little of this process.
/// </summary>
internal sealed class Probe : IDisposable
{
    private readonly LinuxKernel _kernel = new();
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[16384];
    private int _kept;

    public Probe(string path)
    {
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _socket.ReceiveTimeout = 120_000;
        TakeLine();
        Ask("""{"execute": "qmp_capabilities"}""");
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Asks when it is due, at once where the last answer came late, until it is told to stop.</summary>
    /// <param name="ask">One round; its time counts from when it was due.</param>
    /// <returns>Milliseconds.</returns>
    public List<double> Run(TimeSpan every, Action<Probe> ask, CancellationToken stop)
    {
        var times = new List<double>(65536);
        var due = Stopwatch.GetTimestamp();
        while (!stop.IsCancellationRequested)
        {
            var early = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (early > TimeSpan.Zero)
                _kernel.Pause(early);
            ask(this);
            times.Add(Stopwatch.GetElapsedTime(due).TotalMilliseconds);
            due += (long)(every.TotalSeconds * Stopwatch.Frequency);
        }

        return times;
    }

    /// <summary>Sends a request and takes its answer, which must be no error. Events of jobs that come before it count for nothing.</summary>
    public string Ask(string request)
    {
        _socket.Send(Encoding.UTF8.GetBytes(request + "\n"));
        var answer = TakeLine();
        while (answer.StartsWith("{\"timestamp\"", StringComparison.Ordinal))
            answer = TakeLine();
        return answer.StartsWith("{\"return\"", StringComparison.Ordinal) ? answer : throw new InvalidDataException(answer);
    }

    private string TakeLine()
    {
        while (true)
        {
            var end = _buffer.AsSpan(0, _kept).IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = Encoding.UTF8.GetString(_buffer, 0, end);
                _buffer.AsSpan(end + 1, _kept - end - 1).CopyTo(_buffer);
                _kept -= end + 1;
                return line;
            }

            var count = _socket.Receive(_buffer.AsSpan(_kept));
            _kept += count > 0 ? count : throw new EndOfStreamException();
        }
    }
}
