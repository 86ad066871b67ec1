using System.Globalization;
using System.Text;
using Hostmemd.QmpShell.Output;

namespace Hostmemd.QmpShell.Editing;

/// <summary>Shows prompt and line on a terminal, over as many rows as they take, with the cursor where it belongs.</summary>
internal sealed class LineDisplay(Func<int> columns) : IEditedLine
{
    private string _prompt = "";
    private string _text = "";
    private int _cursor;
    private int _cursorRow;

    /// <summary>Tells what is to be shown.</summary>
    /// <param name="cursor">A place in the text, in UTF-16 units.</param>
    public void Show(string prompt, string text, int cursor) => (_prompt, _text, _cursor) = (prompt, text, cursor);

    public void Erase(TextWriter terminal)
    {
        if (_cursorRow > 0)
            terminal.Write($"\x1b[{_cursorRow}A");
        terminal.Write("\r\x1b[J");
        _cursorRow = 0;
    }

    public void Draw(TextWriter terminal)
    {
        var output = new StringBuilder();
        (int row, int column) = (0, 0);
        (int cursorRow, int cursorColumn) = (0, 0);
        int width = Math.Max(columns(), 2);
        string all = _prompt + _text;
        for (int at = 0; at < all.Length;)
        {
            int length = StringInfo.GetNextTextElementLength(all, at);
            ReadOnlySpan<char> grapheme = all.AsSpan(at, length);
            // A control character, as one of a pasted text, would act on the terminal.
            string shown = char.IsControl(grapheme[0]) ? $"^{(char)(grapheme[0] ^ 0x40)}" : grapheme.ToString();
            int wide = TextWidth.Of(shown);
            if (column + wide > width)
            {
                output.Append("\r\n");
                (row, column) = (row + 1, 0);
            }

            if (at == _prompt.Length + _cursor)
                (cursorRow, cursorColumn) = (row, column);
            output.Append(shown);
            column += wide;
            at += length;
        }

        // The cursor cannot stand behind the last column.
        if (column == width)
        {
            output.Append("\r\n");
            (row, column) = (row + 1, 0);
        }

        if (_cursor == _text.Length)
            (cursorRow, cursorColumn) = (row, column);
        if (row > cursorRow)
            output.Append(CultureInfo.InvariantCulture, $"\x1b[{row - cursorRow}A");
        output.Append('\r');
        if (cursorColumn > 0)
            output.Append(CultureInfo.InvariantCulture, $"\x1b[{cursorColumn}C");
        _cursorRow = cursorRow;
        terminal.Write(output.ToString());
    }

    /// <summary>Leaves the line where it is: what comes next is below it.</summary>
    public void Finish(TextWriter terminal)
    {
        _cursor = _text.Length;
        Erase(terminal);
        Draw(terminal);
        terminal.Write("\r\n");
        _cursorRow = 0;
    }
}
