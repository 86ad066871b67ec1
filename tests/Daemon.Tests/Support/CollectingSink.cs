using System.Collections.Concurrent;
using Serilog.Core;
using Serilog.Events;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>Keeps what was logged.</summary>
internal sealed class CollectingSink : ILogEventSink
{
    private readonly ConcurrentQueue<LogEvent> _events = new();

    public IEnumerable<string> Errors => Texts(level => level >= LogEventLevel.Error);

    public IEnumerable<string> Warnings => Texts(level => level == LogEventLevel.Warning);

    public void Emit(LogEvent logEvent) => _events.Enqueue(logEvent);

    private IEnumerable<string> Texts(Func<LogEventLevel, bool> of) => _events.Where(e => of(e.Level)).Select(e => e.RenderMessage(null));
}
