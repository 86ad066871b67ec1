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
        int[] widths = [.. titles.Select(TextWidth.Of)];
        foreach (string[] row in _rows)
            for (int column = 0; column < widths.Length; column++)
                widths[column] = Math.Max(widths[column], TextWidth.Of(row[column]));
        var line = new StringBuilder();
        var text = new StringBuilder();
        text.Append(paint.Bold(Line(line, titles, widths))).Append('\n');
        for (int row = 0; row < _rows.Count; row++)
            text.Append(RowPaint(row, Line(line, _rows[row], widths))).Append('\n');
        return text.ToString();
    }

    /// <param name="line">Used for one line after another: a table may have thousands.</param>
    private string Line(StringBuilder line, string[] cells, int[] widths)
    {
        line.Clear();
        for (int column = 0; column < cells.Length; column++)
        {
            int blanks = widths[column] - TextWidth.Of(cells[column]);
            bool isRight = headings[column].StartsWith('>');
            line.Append(' ', isRight ? blanks : 0).Append(cells[column]).Append(' ', isRight ? 0 : blanks).Append("  ");
        }

        return line.ToString().TrimEnd();
    }
}
