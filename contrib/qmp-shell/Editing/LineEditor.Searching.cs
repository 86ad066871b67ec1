namespace Hostmemd.QmpShell.Editing;

/// <content>Ctrl-R: the newest line of the history with what is typed in it.</content>
internal sealed partial class LineEditor
{
    private string _beforeSearch = "";

    public void Search()
    {
        _search = "";
        _beforeSearch = Line.Text;
        _recalled = _history.Lines.Count;
    }

    /// <returns>false: the key ended the search and is to be carried out on the line that was found.</returns>
    private bool Searches(Key key)
    {
        switch (key)
        {
            case { Name: KeyName.Text }:
                _search += key.Text;
                Find(_recalled);
                return true;
            case { Name: KeyName.Backspace }:
                _search = _search![..^Math.Min(1, _search!.Length)];
                Find(_history.Lines.Count - 1);
                return true;
            case { Name: KeyName.Control, Text: "r" }:
                Find(_recalled - 1);
                return true;
            case { Name: KeyName.Control, Text: "g" }:
                Line.Set(_beforeSearch);
                _search = null;
                return true;
            default:
                _search = null;
                return false;
        }
    }

    /// <summary>Goes back from a line to the next one that has it.</summary>
    private void Find(int from)
    {
        for (int at = Math.Min(from, _history.Lines.Count - 1); at >= 0; at--)
        {
            int found = _history.Lines[at].IndexOf(_search!, StringComparison.Ordinal);
            if (found < 0)
                continue;
            _recalled = at;
            Line.Set(_history.Lines[at], found);
            return;
        }
    }
}
