using System.Text;
using Hostmemd.QmpShell.Editing;

namespace Hostmemd.QmpShell.Show;

/// <summary>Rows of cells, each column as wide as its widest cell.</summary>
/// <param name="headings">The columns; one that begins with &gt; is aligned to the right.</param>
internal sealed class Table(params string[] headings)
{
    private readonly List<string[]> _rows = [];

    /// <summary>How rows are painted, by number; the first is 0.</summary>
    public Func<int, string, string> RowPaint { get; init; } = (_, line) => line;

    public void Add(params string[] cells) => _rows.Add(cells);

    public string Text(Paint paint)
    {
        string[] titles = [.. headings.Select(heading => heading.TrimStart('>'))];
        int[] widths = [.. titles.Select((title, column) => _rows.Select(row => TextWidth.Of(row[column])).Append(TextWidth.Of(title)).Max())];
        var text = new StringBuilder();
        text.Append(paint.Bold(Line(titles, widths))).Append('\n');
        for (int row = 0; row < _rows.Count; row++)
            text.Append(RowPaint(row, Line(_rows[row], widths))).Append('\n');
        return text.ToString();
    }

    private string Line(string[] cells, int[] widths) => string.Join("  ", cells.Select((cell, column) =>
    {
        string blanks = new(' ', widths[column] - TextWidth.Of(cell));
        return headings[column].StartsWith('>') ? blanks + cell : cell + blanks;
    })).TrimEnd();
}
