using System.Collections.Concurrent;
using System.Globalization;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Display;

namespace Hostmemd.Logging;

/// <summary>
/// Writes log events from a thread of its own: whoever logs never waits for a disk or a terminal. When the queue is full events are dropped,
/// counted, and the count is logged.
/// </summary>
internal sealed class QueuedSink : ILogEventSink, IDisposable
{
    private const int QueueLength = 4096;

    /// <summary>How long the end waits for a log that nobody takes, as a pipe with no reader.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FlushTimeout = TimeSpan.FromMilliseconds(100);

    private readonly BlockingCollection<LogEvent> _queue = new(QueueLength);

    private readonly MessageTemplateTextFormatter _formatter = new(
        "{Timestamp:yyyy-MM-ddTHH:mm:ss.ffffffK} {Level:u3} {Message:l}{NewLine}{Exception}", CultureInfo.InvariantCulture);

    private readonly TextWriter _output;
    private readonly Lazy<Thread> _thread;
    private long _dropped;
    private int _waiting;

    /// <param name="output">Closed with the sink.</param>
    public QueuedSink(TextWriter output)
    {
        _output = output;
        // With the first line, which comes when clients can connect already: a start that waits for a thread is slower.
        _thread = new Lazy<Thread>(() =>
        {
            var thread = new Thread(WriteAll) { Name = "log", IsBackground = true };
            thread.Start();
            return thread;
        });
    }

    public void Emit(LogEvent logEvent)
    {
        try
        {
            _ = _thread.Value;
            Interlocked.Increment(ref _waiting);
            if (_queue.TryAdd(logEvent))
                return;
            Interlocked.Decrement(ref _waiting);
            Interlocked.Increment(ref _dropped);
        }
        catch (InvalidOperationException)
        {
            // Closed: the last words of a thread that outlived the daemon.
        }
    }

    /// <summary>Waits until all that was logged is written; not for long, where the output takes nothing.</summary>
    public void Flush() => SpinWait.SpinUntil(() => Volatile.Read(ref _waiting) == 0, FlushTimeout);

    /// <summary>Writes what is queued and closes; gives up on an output that takes nothing.</summary>
    public void Dispose()
    {
        _queue.CompleteAdding();
        if (_thread.IsValueCreated && !_thread.Value.Join(CloseTimeout))
            return;
        _output.Dispose();
        _queue.Dispose();
    }

    private void WriteAll()
    {
        foreach (var logEvent in _queue.GetConsumingEnumerable())
        {
            try
            {
                _formatter.Format(logEvent, _output);
                if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped)
                    _output.WriteLine($"{dropped} log lines were dropped: the log could not be written fast enough");
                if (_queue.Count == 0)
                    _output.Flush();
            }
            catch (IOException)
            {
                // A log that cannot be written must not take the guests' memory with it.
                Interlocked.Increment(ref _dropped);
            }
            Interlocked.Decrement(ref _waiting);
        }
    }
}
