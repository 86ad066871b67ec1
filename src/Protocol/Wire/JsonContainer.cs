using System.Text;

namespace Hostmemd.Protocol.Wire;

/// <summary>An object or an array whose end has not come. In a list one item is like the other: names, and texts that are the same, are shared.</summary>
internal sealed class JsonContainer
{
    /// <summary>What may come next.</summary>
    public enum Expecting : byte
    {
        Value,
        ValueOrEnd,
        Key,
        KeyOrEnd,
        Colon,
        CommaOrEnd,
    }

    private readonly JsonValue? _like;
    private readonly JsonObject? _object;
    private readonly List<JsonValue>? _items;
    private string _key = "";

    /// <param name="outer">What it stands in; null: it is the whole value.</param>
    public JsonContainer(bool isObject, JsonContainer? outer)
    {
        Outer = outer;
        _like = outer?.LikeNext;
        if (isObject)
            _object = new JsonObject((_like as JsonObject)?.Members.Count ?? 0);
        else
            _items = [];
        Next = isObject ? Expecting.KeyOrEnd : Expecting.ValueOrEnd;
    }

    public JsonContainer? Outer { get; }

    public bool IsObject => _object is not null;

    public Expecting Next { get; set; }

    /// <summary>What stood where the next value does, in a list before; else the item before it. null: none is known.</summary>
    private JsonValue? LikeNext => IsObject
        ? LikeMember is { } member && member.Key == _key ? member.Value : null
        : _like is JsonArray { Items: var like } && _items!.Count < like.Count ? like[_items.Count] : _items is [.., var last] ? last : null;

    private KeyValuePair<string, JsonValue>? LikeMember =>
        _like is JsonObject like && _object!.Members.Count is var count && count < like.Members.Count ? like.Members[count] : null;

    /// <summary>The value of the member of that name comes next.</summary>
    public bool IsAt(string name) => IsObject && Next == Expecting.Value && _key == name;

    /// <summary>The name of the member that comes next.</summary>
    public void Key(string key) => _key = key;

    /// <summary>The same, where the item before had that name at this place; no new text is made.</summary>
    /// <param name="ascii">Without quotes and escapes.</param>
    public bool TryKey(ReadOnlySpan<byte> ascii)
    {
        if (LikeMember is not { } member || !Ascii.Equals(ascii, member.Key))
            return false;
        _key = member.Key;
        return true;
    }

    /// <summary>The same text, where it stood at this place before.</summary>
    /// <param name="ascii">Without quotes and escapes.</param>
    public JsonString? Same(ReadOnlySpan<byte> ascii) =>
        LikeNext is JsonString { Plain.IsEmpty: true } like && Ascii.Equals(ascii, like.Value) ? like : null;

    /// <summary>Puts in the next value.</summary>
    /// <returns>false: its name is taken.</returns>
    public bool TryAdd(JsonValue value)
    {
        Next = Expecting.CommaOrEnd;
        if (_object is not null)
            return _object.TryAdd(_key, value);
        _items!.Add(value);
        return true;
    }

    /// <summary>The whole; nothing is added any more.</summary>
    public JsonValue Value => _object is not null ? _object : new JsonArray(_items!);
}
