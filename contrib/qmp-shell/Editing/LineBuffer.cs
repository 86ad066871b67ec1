using System.Globalization;
using System.Text;

namespace Hostmemd.QmpShell.Editing;

/// <summary>A line with a cursor in it. Every step is a whole character as a reader counts them (a grapheme).</summary>
internal sealed class LineBuffer
{
    private readonly Stack<(string Text, int Cursor)> _undo = new();

    public string Text { get; private set; } = "";

    /// <summary>In UTF-16 units, always before a grapheme or at the end.</summary>
    public int Cursor { get; private set; }

    public bool IsAtEnd => Cursor == Text.Length;

    public void Set(string text, int? cursor = null)
    {
        Remember();
        Text = text;
        Cursor = Math.Clamp(cursor ?? text.Length, 0, text.Length);
    }

    /// <summary>A new line: nothing before it can be brought back.</summary>
    public void Clear()
    {
        _undo.Clear();
        (Text, Cursor) = ("", 0);
    }

    public void Insert(string text)
    {
        Remember();
        Text = Text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public void MoveTo(int cursor) => Cursor = Math.Clamp(cursor, 0, Text.Length);

    /// <summary>Removes what lies between two places, and leaves the cursor there.</summary>
    /// <returns>What was removed.</returns>
    public string Remove(int from, int to)
    {
        (from, to) = (Math.Min(from, to), Math.Max(from, to));
        string removed = Text[from..to];
        if (removed.Length == 0)
            return removed;
        Remember();
        Text = Text.Remove(from, to - from);
        Cursor = from;
        return removed;
    }

    public void Undo()
    {
        if (_undo.TryPop(out var before))
            (Text, Cursor) = before;
    }

    /// <summary>The place behind the next character.</summary>
    public int Next(int at) => at >= Text.Length ? Text.Length : at + StringInfo.GetNextTextElementLength(Text, at);

    /// <summary>The place before the character that ends here.</summary>
    public int Previous(int at)
    {
        int before = 0;
        for (int next = 0; next < at; next = Next(next))
            before = next;
        return before;
    }

    /// <summary>Behind the word at or after the place. A word is letters and digits, or whatever is no blank.</summary>
    public int WordEnd(int at, bool big)
    {
        while (at < Text.Length && !IsWord(Text[at], big))
            at++;
        while (at < Text.Length && IsWord(Text[at], big))
            at++;
        return at;
    }

    /// <summary>The beginning of the word before the place.</summary>
    public int WordStart(int at, bool big)
    {
        while (at > 0 && !IsWord(Text[at - 1], big))
            at--;
        while (at > 0 && IsWord(Text[at - 1], big))
            at--;
        return at;
    }

    public void SwapWithPrevious()
    {
        if (Cursor == 0 || Text.Length < 2)
            return;
        int middle = IsAtEnd ? Previous(Cursor) : Cursor;
        (int start, int end) = (Previous(middle), Next(middle));
        if (start == middle)
            return;
        var swapped = new StringBuilder().Append(Text, 0, start).Append(Text, middle, end - middle).Append(Text, start, middle - start).Append(Text, end, Text.Length - end);
        Set(swapped.ToString(), end);
    }

    private static bool IsWord(char c, bool big) => big ? !char.IsWhiteSpace(c) : char.IsLetterOrDigit(c) || char.IsSurrogate(c) || c == '_';

    private void Remember() => _undo.Push((Text, Cursor));
}
