namespace Hostmemd.QmpShell.Language;

/// <summary>A value as it was typed; what it becomes on the wire depends on what the server's schema says of its place.</summary>
internal abstract record LineValue
{
    private LineValue()
    {
    }

    /// <summary>Text without brackets around it.</summary>
    internal sealed record Text(string Value, TextForm Form) : LineValue;

    /// <summary>What stood between <c>[</c> and <c>]</c>.</summary>
    internal sealed record List(IReadOnlyList<LineValue> Items) : LineValue;

    /// <summary>What stood between <c>{</c> and <c>}</c>, or behind keys with a common beginning: <c>a.b=1 a.c=2</c>.</summary>
    internal sealed record Members(IReadOnlyList<KeyValuePair<string, LineValue>> Pairs) : LineValue
    {
        public LineValue? this[string name] => Pairs.FirstOrDefault(pair => pair.Key == name).Value;
    }
}
