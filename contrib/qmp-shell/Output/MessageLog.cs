using System.Globalization;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Output;

/// <summary>The file of <c>-l</c>: what was sent and what came, events included, each with its time. Safe on any thread.</summary>
internal sealed class MessageLog(string path) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _file = new(path, append: true) { AutoFlush = true };

    public void Sent(string line) => Write("->", line);

    public void Received(JsonObject message) => Write("<-", message.ToString());

    public void Dispose() => _file.Dispose();

    private void Write(string arrow, string text)
    {
        lock (_lock)
            _file.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.ffffffZ} {arrow} {text}"));
    }
}
