using System.Text;
using Hostmemd.QmpShell.Native;

namespace Hostmemd.QmpShell.Output;

/// <summary>Where the shell prints. Safe on any thread: messages come while a line is typed, and stand above it.</summary>
internal sealed class ShellOutput(TextWriter writer) : IDisposable
{
    private readonly Lock _lock = new();
    private IEditedLine? _line;
    private bool _isClosed;

    /// <summary>Our standard output.</summary>
    public static ShellOutput Open() =>
        new(new StreamWriter(new StandardStream(StandardStream.Output), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), bufferSize: 8192));

    public void WriteLine(string text) => Write(text + "\n");

    public void Write(string text) => Draw(terminal =>
    {
        _line?.Erase(terminal);
        terminal.Write(text);
        _line?.Draw(terminal);
    });

    /// <summary>From now on this line gives way; null: nobody is typing.</summary>
    public void Edit(IEditedLine? line)
    {
        lock (_lock)
            _line = line;
    }

    /// <summary>Draws under the lock and shows it. A reader that is gone ends the printing, not the work.</summary>
    public void Draw(Action<TextWriter> draw)
    {
        lock (_lock)
        {
            if (_isClosed)
                return;
            try
            {
                draw(writer);
                writer.Flush();
            }
            catch (IOException)
            {
                _isClosed = true;
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _isClosed = true;
    }
}
