namespace Hostmemd.QmpShell.Language;

/// <summary>Gathers the actions between <c>transaction(</c> and <c>)</c>, on one line or on many.</summary>
internal sealed class TransactionLines
{
    public const string Start = "transaction(";
    public const string End = ")";

    private List<LineValue>? _actions;

    public bool IsOpen => _actions is not null;

    /// <summary>Whether the line belongs to a transaction.</summary>
    public bool Takes(IReadOnlyList<LineWord> words) => IsOpen || (words.Count > 0 && words[0].Plain == Start);

    /// <returns>The command, once the bracket is closed.</returns>
    /// <exception cref="FormatException">The line is no action; the transaction stays open.</exception>
    public LineCommand? Add(IReadOnlyList<LineWord> words)
    {
        int from = 0;
        if (!IsOpen)
        {
            _actions = [];
            from = 1;
        }

        int to = words.Count;
        bool closes = to > from && words[^1].Plain == End;
        to -= closes ? 1 : 0;
        if (words.Skip(from).Take(to - from).Any(word => word.Plain == End))
            throw new FormatException("nothing may follow the ) of a transaction");
        if (to > from)
            _actions!.Add(Action(LineCommand.Parse([.. words.Skip(from).Take(to - from)])));
        if (!closes)
            return null;
        var actions = new LineValue.List(_actions!);
        _actions = null;
        return new LineCommand { Name = "transaction", Arguments = new LineValue.Members([new("actions", actions)]) };
    }

    public void Abandon() => _actions = null;

    private static LineValue.Members Action(LineCommand action) =>
        action is { Sole: null, Id: null, OutOfBand: false, Output: null, Files.Count: 0 }
            ? new LineValue.Members([new("type", new LineValue.Text(action.Name, TextForm.Plain)), new("data", action.Arguments)])
            : throw new FormatException("an action of a transaction is a name and key=value alone");
}
