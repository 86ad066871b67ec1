using System.Text;

namespace Hostmemd.QmpShell.Wrap;

/// <summary>The last of what a server printed. Its two outputs are read on threads of their own.</summary>
internal sealed class ServerLog
{
    private const int MaxLength = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly StringBuilder _text = new();

    public string Text
    {
        get
        {
            lock (_lock)
                return _text.ToString().Trim();
        }
    }

    public void Add(string line)
    {
        lock (_lock)
        {
            _text.Append(line).Append('\n');
            if (_text.Length > MaxLength)
                _text.Remove(0, _text.Length - MaxLength);
        }
    }
}
