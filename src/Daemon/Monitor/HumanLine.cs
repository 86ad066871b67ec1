using System.Text;

namespace Hostmemd.Monitor;

/// <summary>Reads a line of the human monitor from left to right, by QEMU's rules (seen in 11.1.3).</summary>
internal ref struct HumanLine(string line)
{
    private int _at;

    /// <summary>All that was read.</summary>
    public readonly string Read => line[.._at];

    public readonly bool IsAtEnd => _at == line.Length;

    public string Rest()
    {
        var rest = line[_at..];
        _at = line.Length;
        return rest;
    }

    public void SkipSpace()
    {
        while (_at < line.Length && IsSpace(line[_at]))
            _at++;
    }

    /// <summary>A command's name, which a slash ends too; empty where none is.</summary>
    public string Name()
    {
        SkipSpace();
        var start = _at;
        while (_at < line.Length && !IsSpace(line[_at]) && line[_at] != '/')
            _at++;
        return line[start.._at];
    }

    /// <summary>A word, or a string in quotes; the line is not at its end.</summary>
    /// <returns>null: the quotes are not closed, or an escape is unknown.</returns>
    public string? Word()
    {
        SkipSpace();
        if (line[_at] == '"')
            return Quoted();
        var start = _at;
        while (_at < line.Length && !IsSpace(line[_at]))
            _at++;
        return line[start.._at];
    }

    private string? Quoted()
    {
        var text = new StringBuilder();
        for (_at++; _at < line.Length; _at++)
        {
            var c = line[_at];
            if (c == '"')
            {
                _at++;
                return text.ToString();
            }
            if (c == '\\')
            {
                if (++_at == line.Length || Unescaped(line[_at]) is not { } escaped)
                    return null;
                c = escaped;
            }
            text.Append(c);
        }
        return null;
    }

    private static char? Unescaped(char c) => c switch
    {
        'n' => '\n',
        'r' => '\r',
        '\\' or '\'' or '"' => c,
        _ => null,
    };

    // Those of the C locale.
    private static bool IsSpace(char c) => c is ' ' or (>= '\t' and <= '\r');
}
