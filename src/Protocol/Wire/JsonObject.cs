using System.Diagnostics.CodeAnalysis;

namespace Hostmemd.Protocol.Wire;

/// <summary>A JSON object; members keep the order they came in, and no name stands twice.</summary>
public sealed class JsonObject : JsonValue
{
    // What is declared has a handful of members: comparing them is cheaper than hashing. Beyond that an index keeps a hostile object from
    // costing n².
    private const int LinearLimit = 16;

    private readonly List<KeyValuePair<string, JsonValue>> _members;
    private Dictionary<string, int>? _index;

    public JsonObject()
        : this(0)
    {
    }

    /// <param name="capacity">Members that are to be expected.</param>
    internal JsonObject(int capacity) => _members = new(capacity);

    public JsonObject(IEnumerable<KeyValuePair<string, JsonValue>> members)
        : this()
    {
        foreach (var (name, value) in members)
            if (!TryAdd(name, value))
                throw new ArgumentException($"Member '{name}' stands twice.", nameof(members));
    }

    public IReadOnlyList<KeyValuePair<string, JsonValue>> Members => _members;

    public JsonValue? this[string name] => TryGet(name, out var value) ? value : null;

    public bool TryGet(string name, [NotNullWhen(true)] out JsonValue? value)
    {
        var at = IndexOf(name);
        value = at < 0 ? null : _members[at].Value;
        return at >= 0;
    }

    public bool Contains(string name) => IndexOf(name) >= 0;

    /// <summary>The member's place in <see cref="Members"/>, or -1.</summary>
    public int IndexOf(string name)
    {
        if (_index is not null)
            return _index.GetValueOrDefault(name, -1);
        for (var i = 0; i < _members.Count; i++)
            if (_members[i].Key == name)
                return i;
        return -1;
    }

    /// <summary>Only while the object is being made.</summary>
    /// <returns>false where the name is taken.</returns>
    internal bool TryAdd(string name, JsonValue value)
    {
        if (Contains(name))
            return false;
        _members.Add(new(name, value));
        if (_index is not null)
            _index.Add(name, _members.Count - 1);
        else if (_members.Count > LinearLimit)
            _index = _members.Select((member, at) => (member.Key, at)).ToDictionary(pair => pair.Key, pair => pair.at);
        return true;
    }
}
