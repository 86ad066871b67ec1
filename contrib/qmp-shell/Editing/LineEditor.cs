using System.Runtime.InteropServices;
using Hostmemd.QmpShell.Completion;
using Hostmemd.QmpShell.Input;
using Hostmemd.QmpShell.Native;
using Hostmemd.QmpShell.Output;
using Tmds.Linux;

namespace Hostmemd.QmpShell.Editing;

/// <summary>Lines typed at a terminal: editing, history, search, completion. Messages that come meanwhile stand above the line.</summary>
internal sealed partial class LineEditor : ILineSource, IDisposable
{
    private const int StandardInput = 0;
    private const int StandardOutput = 1;

    private readonly ShellOutput _output;
    private readonly KeyReader _keys;
    private readonly IKeyBindings _bindings;
    private readonly History _history;
    private readonly Func<string, CancellationToken, Task<Completions>> _complete;
    private readonly LineDisplay _display = new(() => Terminal.Columns(StandardOutput));
    private readonly termios? _before;
    private readonly PosixSignalRegistration[] _signals;
    private string _prompt = "";
    private string? _search;
    private int _recalled;
    private string _unfinished = "";
    private Key? _lastKey;
    private bool _isEditing;

    /// <param name="complete">Finds what could stand at the end of a line.</param>
    public LineEditor(
        ShellOutput output, Stream keys, IKeyBindings bindings, History history, Func<string, CancellationToken, Task<Completions>> complete)
    {
        (_output, _bindings, _history, _complete) = (output, bindings, history, complete);
        _before = Terminal.EnterKeyMode(StandardInput);
        _keys = new KeyReader(keys);
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Refresh()),
            PosixSignalRegistration.Create(PosixSignal.SIGTSTP, _ => Restore()),
            PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ => Resume()),
        ];
    }

    public LineBuffer Line { get; } = new();

    /// <summary>What was removed last.</summary>
    public string Killed { get; private set; } = "";

    public async Task<string?> ReadLineAsync(string prompt, CancellationToken cancellationToken)
    {
        _prompt = prompt;
        Line.Clear();
        _bindings.Begin();
        _recalled = _history.Lines.Count;
        _search = null;
        Tell();
        _output.Draw(terminal =>
        {
            _isEditing = true;
            _display.Draw(terminal);
        });
        _output.Edit(_display);
        try
        {
            return await EditAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _output.Draw(terminal =>
            {
                Tell();
                _display.Erase(terminal);
                _display.Draw(terminal);
                terminal.Write("^C");
            });
            throw;
        }
        finally
        {
            _output.Edit(null);
            _output.Draw(terminal =>
            {
                _isEditing = false;
                _display.Finish(terminal);
            });
        }
    }

    /// <summary>Removes a part of the line and keeps it for <see cref="Killed"/>.</summary>
    public void Kill(int from, int to) => Keep(Line.Remove(from, to));

    public void Keep(string text) => Killed = text.Length > 0 ? text : Killed;

    /// <summary>Goes through the history; what was being typed stands behind its end.</summary>
    public void Recall(int steps)
    {
        int wanted = (int)Math.Clamp((long)_recalled + steps, 0, _history.Lines.Count);
        if (wanted == _recalled)
            return;
        if (_recalled == _history.Lines.Count)
            _unfinished = Line.Text;
        _recalled = wanted;
        Line.Set(wanted == _history.Lines.Count ? _unfinished : _history.Lines[wanted]);
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals)
            signal.Dispose();
        Restore();
    }

    private async Task<string?> EditAsync(CancellationToken cancellationToken)
    {
        while (await _keys.ReadAsync(cancellationToken).ConfigureAwait(false) is { } key)
        {
            if (_search is not null && Searches(key))
            {
                Refresh();
                continue;
            }

            switch (key)
            {
                case { Name: KeyName.Enter }:
                    _history.Add(Line.Text);
                    return Line.Text;
                case { Name: KeyName.Control, Text: "d" } when Line.Text.Length == 0:
                    return null;
                case { Name: KeyName.Tab }:
                    await CompleteAsync(isSecond: _lastKey is { Name: KeyName.Tab }, cancellationToken).ConfigureAwait(false);
                    break;
                default:
                    Press(key);
                    break;
            }

            _lastKey = key;
            Refresh();
        }

        return null;
    }

    private void Press(Key key)
    {
        switch (key)
        {
            case { Name: KeyName.Backspace }: Line.Remove(Line.Previous(Line.Cursor), Line.Cursor); break;
            case { Name: KeyName.Delete }: Line.Remove(Line.Cursor, Line.Next(Line.Cursor)); break;
            case { Name: KeyName.Left }: Line.MoveTo(Line.Previous(Line.Cursor)); break;
            case { Name: KeyName.Right }: Line.MoveTo(Line.Next(Line.Cursor)); break;
            case { Name: KeyName.WordLeft }: Line.MoveTo(Line.WordStart(Line.Cursor, big: false)); break;
            case { Name: KeyName.WordRight }: Line.MoveTo(Line.WordEnd(Line.Cursor, big: false)); break;
            case { Name: KeyName.Home }: Line.MoveTo(0); break;
            case { Name: KeyName.End }: Line.MoveTo(Line.Text.Length); break;
            case { Name: KeyName.Up }: Recall(-1); break;
            case { Name: KeyName.Down }: Recall(+1); break;
            case { Name: KeyName.Control, Text: "l" }: _output.Draw(terminal => terminal.Write("\x1b[H\x1b[2J")); break;
            case { Name: KeyName.Control, Text: "r" }: Search(); break;
            default: _bindings.Press(key, this); break;
        }
    }

    /// <summary>Adds what all candidates have in common; a second TAB lists them.</summary>
    private async Task CompleteAsync(bool isSecond, CancellationToken cancellationToken)
    {
        Completions found = await _complete(Line.Text[..Line.Cursor], cancellationToken).ConfigureAwait(false);
        string common = found.Common;
        if (common.Length > Line.Cursor - found.Start || found.Candidates.Count == 1)
        {
            int start = found.Start;
            string rest = Line.Text[Line.Cursor..];
            string text = common + (found.Candidates.Count == 1 && !rest.StartsWith(' ') ? found.Suffix : "");
            Line.Set(Line.Text[..start] + text + rest, start + text.Length);
        }
        else if (isSecond && found.Candidates.Count > 1)
        {
            _output.Draw(_display.Finish);
            _output.Draw(terminal => terminal.Write(Columns(found.Candidates, Terminal.Columns(StandardOutput))));
        }
    }

    /// <summary>Names side by side, sorted downwards.</summary>
    private static string Columns(IReadOnlyList<string> names, int width)
    {
        int column = names.Max(TextWidth.Of) + 2;
        int columns = Math.Max(1, width / column);
        int rows = (names.Count + columns - 1) / columns;
        IEnumerable<string> lines = Enumerable.Range(0, rows).Select(row => string.Concat(
            Enumerable.Range(0, columns).Select(at => (at * rows) + row).Where(at => at < names.Count)
                .Select(at => names[at] + new string(' ', column - TextWidth.Of(names[at])))).TrimEnd());
        return string.Join("\r\n", lines) + "\r\n";
    }

    /// <summary>On any thread: a signal may come when no line is edited.</summary>
    private void Refresh() => _output.Draw(terminal =>
    {
        if (!_isEditing)
            return;
        _display.Erase(terminal);
        Tell();
        _display.Draw(terminal);
    });

    private void Tell()
    {
        string prompt = _search is null ? _prompt : $"(search)'{_search}': ";
        _display.Show(prompt, Line.Text, Line.Cursor);
    }

    private void Restore()
    {
        if (_before is { } before)
            Terminal.Restore(StandardInput, before);
    }

    private void Resume()
    {
        _ = Terminal.EnterKeyMode(StandardInput);
        Refresh();
    }
}
