using System.Collections.Concurrent;
using Serilog.Core;
using Serilog.Events;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>Keeps what was logged.</summary>
internal sealed class CollectingSink : ILogEventSink
{
    private readonly ConcurrentQueue<LogEvent> _events = new();

    public IEnumerable<string> Errors => _events.Where(e => e.Level >= LogEventLevel.Error).Select(e => e.RenderMessage(null));

    public void Emit(LogEvent logEvent) => _events.Enqueue(logEvent);
}
