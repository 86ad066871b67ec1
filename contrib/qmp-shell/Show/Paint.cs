namespace Hostmemd.QmpShell.Show;

/// <summary>Colours for a terminal that has them; plain text elsewhere, and where NO_COLOR is set.</summary>
internal sealed class Paint(bool isColoured)
{
    public string Bold(string text) => Wrap(text, "1");

    public string Dim(string text) => Wrap(text, "2");

    public string Green(string text) => Wrap(text, "32");

    public string Yellow(string text) => Wrap(text, "33");

    private string Wrap(string text, string code) => isColoured && text.Length > 0 ? $"\x1b[{code}m{text}\x1b[0m" : text;
}
