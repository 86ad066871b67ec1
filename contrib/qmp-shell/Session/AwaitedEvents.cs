using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Language;

namespace Hostmemd.QmpShell.Session;

/// <summary>The events of <c>--wait</c>.</summary>
internal sealed class AwaitedEvents
{
    private readonly List<(string Text, LineCommand Pattern, TaskCompletionSource Seen)> _awaited;

    /// <exception cref="FormatException">A text is no <c>NAME key=value …</c>.</exception>
    public AwaitedEvents(IEnumerable<string> patterns) =>
        _awaited = [.. patterns.Select(text =>
            (text, LineCommand.Parse(text), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)))];

    /// <summary>Each of them as typed, with a task that completes when it has come.</summary>
    public IEnumerable<(string Text, Task Seen)> Each => _awaited.Select(awaited => (awaited.Text, awaited.Seen.Task));

    /// <summary>Told of every message, on the reading thread.</summary>
    public void See(JsonObject message)
    {
        if (message["event"] is not JsonString { Value: var name })
            return;
        foreach (var (_, pattern, seen) in _awaited)
            if (pattern.Name == name && Matches(pattern.Arguments, message["data"]))
                seen.TrySetResult();
    }

    private static bool Matches(LineValue wanted, JsonValue? value) => (wanted, value) switch
    {
        (LineValue.Members members, _) when members.Pairs.Count == 0 => true,
        (LineValue.Members members, JsonObject data) => members.Pairs.All(pair => Matches(pair.Value, data[pair.Key])),
        (LineValue.Text text, JsonString { Value: var got }) => text.Value == got,
        (LineValue.Text text, not null) => text.Value == value.ToString(),
        _ => false,
    };
}
