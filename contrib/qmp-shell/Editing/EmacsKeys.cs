namespace Hostmemd.QmpShell.Editing;

/// <summary>The keys that readline has without being told.</summary>
internal sealed class EmacsKeys : IKeyBindings
{
    public void Begin()
    {
    }

    public void Press(Key key, LineEditor editor)
    {
        LineBuffer line = editor.Line;
        switch (key)
        {
            case { Name: KeyName.Text }:
                line.Insert(key.Text);
                break;
            case { Name: KeyName.Control }:
                Control(key.Text[0], editor, line);
                break;
            case { Name: KeyName.Meta }:
                Meta(key.Text[0], editor, line);
                break;
        }
    }

    private static void Control(char letter, LineEditor editor, LineBuffer line)
    {
        switch (letter)
        {
            case 'a': line.MoveTo(0); break;
            case 'e': line.MoveTo(line.Text.Length); break;
            case 'b': line.MoveTo(line.Previous(line.Cursor)); break;
            case 'f': line.MoveTo(line.Next(line.Cursor)); break;
            case 'd': line.Remove(line.Cursor, line.Next(line.Cursor)); break;
            case 'k': editor.Kill(line.Cursor, line.Text.Length); break;
            case 'u': editor.Kill(0, line.Cursor); break;
            case 'w': editor.Kill(line.WordStart(line.Cursor, big: true), line.Cursor); break;
            case 'y': line.Insert(editor.Killed); break;
            case 't': line.SwapWithPrevious(); break;
            case 'p': editor.Recall(-1); break;
            case 'n': editor.Recall(+1); break;
            case '_' or '\x7F': line.Undo(); break;
        }
    }

    private static void Meta(char letter, LineEditor editor, LineBuffer line)
    {
        switch (letter)
        {
            case 'b': line.MoveTo(line.WordStart(line.Cursor, big: false)); break;
            case 'f': line.MoveTo(line.WordEnd(line.Cursor, big: false)); break;
            case 'd': editor.Kill(line.Cursor, line.WordEnd(line.Cursor, big: false)); break;
            case '\x7F': editor.Kill(line.WordStart(line.Cursor, big: false), line.Cursor); break;
            case '<': editor.Recall(int.MinValue); break;
            case '>': editor.Recall(int.MaxValue); break;
        }
    }
}
