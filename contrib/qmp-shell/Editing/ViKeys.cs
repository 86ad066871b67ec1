using System.Globalization;

namespace Hostmemd.QmpShell.Editing;

/// <summary>vi's keys, as POSIX gives them to command lines: a line begins in insert mode, Escape leads to command mode.</summary>
internal sealed class ViKeys : IKeyBindings
{
    private const int MaxCount = 10_000;

    private readonly List<string> _typed = [];
    private bool _inserts = true;

    public void Begin()
    {
        _inserts = true;
        _typed.Clear();
    }

    public void Press(Key key, LineEditor editor)
    {
        LineBuffer line = editor.Line;
        switch (key)
        {
            case { Name: KeyName.Escape }:
                EnterCommands(line);
                break;
            // Escape and a letter at one go: they come together when typed fast.
            case { Name: KeyName.Meta } when key.Text != "\x7F":
                EnterCommands(line);
                Command(key.Text, editor, line);
                break;
            case { Name: KeyName.Control, Text: "w" }:
                editor.Kill(line.WordStart(line.Cursor, big: true), line.Cursor);
                break;
            case { Name: KeyName.Control, Text: "u" }:
                editor.Kill(0, line.Cursor);
                break;
            case { Name: KeyName.Text } when _inserts:
                line.Insert(key.Text);
                break;
            case { Name: KeyName.Text }:
                Command(key.Text, editor, line);
                break;
        }
    }

    private void EnterCommands(LineBuffer line)
    {
        if (_inserts)
            line.MoveTo(line.Previous(line.Cursor));
        _inserts = false;
        _typed.Clear();
    }

    /// <summary>[COUNT] COMMAND, or [COUNT] d|c|y [COUNT] MOTION.</summary>
    private void Command(string key, LineEditor editor, LineBuffer line)
    {
        _typed.Add(key);
        string typed = string.Concat(_typed);
        int at = 0;
        int count = Count(typed, ref at);
        if (at == typed.Length)
            return;
        char command = typed[at++];
        if (command is 'd' or 'c' or 'y')
        {
            count = Math.Min(count * Count(typed, ref at), MaxCount);
            if (at == typed.Length || (typed[at] is 'f' or 'F' or 't' or 'T' && at + 1 == typed.Length))
                return;
            Operate(command, typed[at..], count, editor, line);
        }
        else if (command is 'f' or 'F' or 't' or 'T' or 'r' && at == typed.Length)
        {
            return;
        }
        else if (Target(command + typed[at..], count, line, out _) is { } target)
        {
            line.MoveTo(target);
        }
        else
        {
            Edit(command, typed[at..], count, editor, line);
        }

        _typed.Clear();
        if (!_inserts && line.IsAtEnd)
            line.MoveTo(line.Previous(line.Cursor));
    }

    private void Operate(char operation, string motion, int count, LineEditor editor, LineBuffer line)
    {
        int from = line.Cursor;
        bool isInclusive = false;
        int? target = motion[0] == operation ? line.Text.Length : Target(motion, count, line, out isInclusive);
        if (target is not { } to)
            return;
        if (motion[0] == operation)
            from = 0;
        // cw is ce: the blank behind the word stays.
        if (operation == 'c' && motion is "w" or "W" && to > from)
            to = line.WordEnd(from, motion == "W");
        if (isInclusive)
            to = line.Next(to);
        if (operation == 'y')
            editor.Keep(line.Text[Math.Min(from, to)..Math.Max(from, to)]);
        else
            editor.Kill(from, to);
        _inserts = operation == 'c';
    }

    private void Edit(char command, string argument, int count, LineEditor editor, LineBuffer line)
    {
        switch (command)
        {
            case 'i': _inserts = true; break;
            case 'a': Insert(line, line.Next(line.Cursor)); break;
            case 'I': Insert(line, 0); break;
            case 'A': Insert(line, line.Text.Length); break;
            case 'x': editor.Kill(line.Cursor, Repeat(line.Cursor, count, line.Next)); break;
            case 'X': editor.Kill(Repeat(line.Cursor, count, line.Previous), line.Cursor); break;
            case 'D': editor.Kill(line.Cursor, line.Text.Length); break;
            case 'C': editor.Kill(line.Cursor, line.Text.Length); _inserts = true; break;
            case 's': editor.Kill(line.Cursor, line.Next(line.Cursor)); _inserts = true; break;
            case 'S': editor.Kill(0, line.Text.Length); _inserts = true; break;
            case 'r' when !line.IsAtEnd: Replace(line, argument); break;
            case '~' when !line.IsAtEnd: SwapCase(line); break;
            case 'p': line.MoveTo(line.Next(line.Cursor)); line.Insert(editor.Killed); break;
            case 'P': line.Insert(editor.Killed); break;
            case 'u': line.Undo(); break;
            case 'k' or '-': editor.Recall(-1); break;
            case 'j' or '+': editor.Recall(+1); break;
            case 'G': editor.Recall(int.MinValue); break;
            case '/': editor.Search(); break;
        }
    }

    private void Insert(LineBuffer line, int at)
    {
        line.MoveTo(at);
        _inserts = true;
    }

    private static void Replace(LineBuffer line, string text)
    {
        int at = line.Cursor;
        line.Remove(at, line.Next(at));
        line.Insert(text);
        line.MoveTo(at);
    }

    private static void SwapCase(LineBuffer line)
    {
        int next = line.Next(line.Cursor);
        string text = line.Text[line.Cursor..next];
        string swapped = char.IsUpper(text, 0) ? text.ToLowerInvariant() : text.ToUpperInvariant();
        line.Remove(line.Cursor, next);
        line.Insert(swapped);
    }

    /// <summary>Where a motion leads; null when it is none.</summary>
    private static int? Target(string motion, int count, LineBuffer line, out bool isInclusive)
    {
        isInclusive = motion[0] is 'e' or 'E' or 'f' or 't';
        return motion[0] switch
        {
            'h' => Repeat(line.Cursor, count, line.Previous),
            'l' or ' ' => Repeat(line.Cursor, count, line.Next),
            '0' => 0,
            '^' => line.Text.Length - line.Text.TrimStart().Length,
            '$' => line.Text.Length,
            'w' or 'W' => Repeat(line.Cursor, count, at => NextWord(line, at, motion[0] == 'W')),
            'b' or 'B' => Repeat(line.Cursor, count, at => line.WordStart(at, motion[0] == 'B')),
            'e' or 'E' => Repeat(line.Cursor, count, at => line.Previous(line.WordEnd(line.Next(at), motion[0] == 'E'))),
            'f' or 't' when line.Text.IndexOf(motion[1..], line.Next(line.Cursor), StringComparison.Ordinal) is var found and >= 0 =>
                motion[0] == 'f' ? found : line.Previous(found),
            'F' or 'T' when line.Text[..line.Cursor].LastIndexOf(motion[1..], StringComparison.Ordinal) is var found and >= 0 =>
                motion[0] == 'F' ? found : line.Next(found),
            'f' or 'F' or 't' or 'T' => line.Cursor,
            _ => null,
        };
    }

    private static int NextWord(LineBuffer line, int at, bool big)
    {
        int end = line.WordEnd(at, big);
        while (end < line.Text.Length && char.IsWhiteSpace(line.Text[end]))
            end++;
        return end;
    }

    private static int Repeat(int at, int count, Func<int, int> step)
    {
        for (int i = 0; i < count; i++)
            at = step(at);
        return at;
    }

    private static int Count(string typed, ref int at)
    {
        int start = at;
        while (at < typed.Length && char.IsAsciiDigit(typed[at]) && (typed[at] != '0' || at > start))
            at++;
        return at == start ? 1 : Math.Min(int.TryParse(typed.AsSpan(start, at - start), CultureInfo.InvariantCulture, out int count) ? count : MaxCount, MaxCount);
    }
}
