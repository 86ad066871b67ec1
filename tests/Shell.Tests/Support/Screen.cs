using System.Globalization;
using System.Text;

namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>What a terminal would show: as much of ECMA-48 as a line editor needs. Unknown sequences fail.</summary>
internal sealed class Screen(int columns)
{
    private readonly List<string[]> _rows = [];
    private readonly StringBuilder _sequence = new();
    private bool _escapes;

    public int Row { get; private set; }

    public int Column { get; private set; }

    /// <summary>All rows from the first on, without blanks at their ends.</summary>
    public IReadOnlyList<string> Rows => [.. _rows.Select(row => string.Concat(row.Select(cell => cell ?? " ")).TrimEnd())];

    /// <summary>The row with the cursor.</summary>
    public string Current => Row < _rows.Count ? Rows[Row] : "";

    public void Write(string text)
    {
        for (int at = 0; at < text.Length;)
        {
            int length = char.IsControl(text[at]) ? 1 : StringInfo.GetNextTextElementLength(text, at);
            Put(text.Substring(at, length));
            at += length;
        }
    }

    private void Put(string grapheme)
    {
        char c = grapheme[0];
        if (_escapes)
        {
            Escape(c);
            return;
        }

        switch (c)
        {
            case '\x1b': _escapes = true; break;
            case '\r': Column = 0; break;
            case '\n': Row++; break;
            case '\b': Column = Math.Max(0, Column - 1); break;
            case '\a': break;
            default: Print(grapheme); break;
        }
    }

    private void Print(string grapheme)
    {
        // What the terminal thinks of the width, told here without the program's table.
        int width = Rune.GetRuneAt(grapheme, 0).Value is >= 0x1100 and <= 0x115F or >= 0x2E80 and <= 0xFFDC or >= 0x1F300 and <= 0x1FAFF ? 2 : 1;
        if (Column + width > columns)
            (Row, Column) = (Row + 1, 0);
        string[] row = At(Row);
        row[Column] = grapheme;
        if (width == 2)
            row[Column + 1] = "";
        Column += width;
    }

    private void Escape(char c)
    {
        if (c == '[' && _sequence.Length == 0)
        {
            _sequence.Append(c);
            return;
        }

        if (c < '@')
        {
            _sequence.Append(c);
            return;
        }

        string parameters = _sequence.ToString().TrimStart('[');
        int count = parameters.Length == 0 ? 0 : int.Parse(parameters, CultureInfo.InvariantCulture);
        _sequence.Clear();
        _escapes = false;
        switch (c)
        {
            case 'A': Row -= Math.Max(1, count); break;
            case 'B': Row += Math.Max(1, count); break;
            case 'C': Column += Math.Max(1, count); break;
            case 'D': Column -= Math.Max(1, count); break;
            case 'H': (Row, Column) = (0, 0); break;
            case 'J': ClearBelow(count == 2); break;
            case 'm': break;
            default: throw new FormatException($"a terminal may not know ESC [ {parameters} {c}");
        }
    }

    private void ClearBelow(bool all)
    {
        for (int row = all ? 0 : Row; row < _rows.Count; row++)
            Array.Clear(_rows[row], row == Row && !all ? Column : 0, columns - (row == Row && !all ? Column : 0));
    }

    private string[] At(int row)
    {
        while (_rows.Count <= row)
            _rows.Add(new string[columns]);
        return _rows[row];
    }
}
