namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Builds values from tokens and says what is wrong with the rest, in QEMU's words. After a syntax error or a broken limit everything is
/// skipped until the brackets balance; after a stray byte parsing starts anew at once (seen in QEMU 11.1.3).
/// </summary>
internal sealed class JsonParser
{
    private enum Expect
    {
        Value,
        ValueOrEnd,
        Key,
        KeyOrEnd,
        Colon,
        CommaOrEnd,
    }

    private sealed class Frame(bool isObject)
    {
        public bool IsObject { get; } = isObject;

        public JsonObject Object { get; } = isObject ? new JsonObject() : null!;

        public List<JsonValue> Items { get; } = isObject ? null! : [];

        public string Key { get; set; } = "";

        public Expect Expect { get; set; } = isObject ? Expect.KeyOrEnd : Expect.ValueOrEnd;
    }

    /// <summary>What a token takes beside its bytes: the value, its place in a list, the name it has.</summary>
    private const int TokenOverhead = 64;

    private readonly Stack<Frame> _open = new();
    private int _braces;
    private int _brackets;
    private int _tokens;
    private long _tokenBytes;
    private long _textBytes;
    private bool _skipping;

    /// <summary>About how many bytes of memory the unfinished value takes.</summary>
    public long Held => _skipping ? 0 : _textBytes + ((long)_tokens * TokenOverhead);

    /// <summary>Nothing of a value has come, and nothing of one is being skipped.</summary>
    public bool IsBetweenValues => _open.Count == 0 && !_skipping;

    /// <summary>Takes the next token.</summary>
    /// <returns>A value that it completes, an error that it makes, or null: more is to come.</returns>
    public JsonReading? Add(JsonToken token, int line, long column)
    {
        // The end of what was refused when it was unfinished.
        var isRefused = token.Length == 0;
        if (token.Kind == JsonTokenKind.Stray)
        {
            // While an error is being skipped, a stray byte ends the skipping and makes no second error.
            var wasSkipping = _skipping || isRefused;
            Reset();
            return wasSkipping ? null : SyntaxError(line, column, $"stray '{token.Printable()}'");
        }
        if (isRefused)
            return null;
        CountBrackets(token.Kind);
        if (_skipping)
        {
            EndSkipping();
            return null;
        }
        if (OverLimit(token.Length) is { } limit)
            return Fail(limit);
        var value = Accept(token, out var error);
        if (error is not null)
            return Fail(SyntaxError(line, column, error).Error!);
        if (value is null)
            return null;
        var reading = new JsonReading(value, null) { Cost = Held };
        Reset();
        return reading;
    }

    /// <summary>Refuses the value that is unfinished; the rest of it is skipped.</summary>
    public JsonReading Refuse(string error) => Fail(error);

    private static JsonReading SyntaxError(int line, long column, string what) => new(null, $"{line}:{column}: JSON parse error, {what}");

    private void CountBrackets(JsonTokenKind kind)
    {
        switch (kind)
        {
            case JsonTokenKind.LeftBrace: _braces++; break;
            case JsonTokenKind.RightBrace: _braces--; break;
            case JsonTokenKind.LeftBracket: _brackets++; break;
            case JsonTokenKind.RightBracket: _brackets--; break;
        }
    }

    private string? OverLimit(long tokenBytes)
    {
        _tokens++;
        _tokenBytes += tokenBytes;
        // One more than the bytes must fit (seen in QEMU 11.1.3: a string of 64 MiB with its quotes does not, one of a byte less does).
        if (_tokenBytes >= JsonLimits.MaxTokenBytes)
            return "JSON token size limit exceeded";
        if (_tokens > JsonLimits.MaxTokens)
            return "JSON token count limit exceeded";
        return _braces + _brackets > JsonLimits.MaxDepth ? "JSON nesting depth limit exceeded" : null;
    }

    private JsonReading Fail(string error)
    {
        _open.Clear();
        _skipping = true;
        EndSkipping();
        return new JsonReading(null, error);
    }

    /// <summary>Braces and brackets are counted apart: one counter would lose its place on «{]» and swallow the next command.</summary>
    private void EndSkipping()
    {
        if (_braces < 0 || _brackets < 0 || (_braces == 0 && _brackets == 0))
            Reset();
    }

    private void Reset()
    {
        _open.Clear();
        _braces = _brackets = _tokens = 0;
        _tokenBytes = _textBytes = 0;
        _skipping = false;
    }

    /// <summary>One step of the grammar.</summary>
    /// <returns>The outermost value, if this token completes it.</returns>
    private JsonValue? Accept(JsonToken token, out string? error)
    {
        error = null;
        var kind = token.Kind;
        _open.TryPeek(out var frame);
        switch (frame?.Expect ?? Expect.Value)
        {
            case Expect.KeyOrEnd when kind == JsonTokenKind.RightBrace:
            case Expect.ValueOrEnd when kind == JsonTokenKind.RightBracket:
            case Expect.CommaOrEnd when kind == (frame!.IsObject ? JsonTokenKind.RightBrace : JsonTokenKind.RightBracket):
                _open.Pop();
                return Complete(frame!.IsObject ? frame.Object : new JsonArray(frame.Items), out error);
            case Expect.KeyOrEnd or Expect.Key:
                frame!.Expect = Expect.Colon;
                if (kind == JsonTokenKind.String)
                    frame.Key = Text(token, out error).Value;
                else
                    error = "expecting key";
                return null;
            case Expect.Colon:
                frame!.Expect = Expect.Value;
                error = kind == JsonTokenKind.Colon ? null : "expecting ':'";
                return null;
            case Expect.CommaOrEnd:
                frame!.Expect = frame.IsObject ? Expect.Key : Expect.Value;
                error = kind == JsonTokenKind.Comma ? null : frame.IsObject ? "expected ',' or '}'" : "expected ',' or ']'";
                return null;
            default:
                return AcceptValue(token, out error);
        }
    }

    private JsonValue? AcceptValue(JsonToken token, out string? error)
    {
        error = null;
        switch (token.Kind)
        {
            case JsonTokenKind.LeftBrace or JsonTokenKind.LeftBracket:
                _open.Push(new Frame(token.Kind == JsonTokenKind.LeftBrace));
                return null;
            case JsonTokenKind.String:
                var text = Text(token, out error);
                return error is null ? Complete(text, out error) : null;
            case JsonTokenKind.Integer or JsonTokenKind.Float:
                if (JsonNumber.Parse(token.Span, token.Kind == JsonTokenKind.Integer) is { } number)
                    return Complete(number, out error);
                error = $"number '{token.Printable()}' is out of range";
                return null;
            case JsonTokenKind.Keyword:
                JsonValue? word = token.Span switch
                {
                    [(byte)'t', (byte)'r', (byte)'u', (byte)'e'] => JsonBool.True,
                    [(byte)'f', (byte)'a', (byte)'l', (byte)'s', (byte)'e'] => JsonBool.False,
                    [(byte)'n', (byte)'u', (byte)'l', (byte)'l'] => JsonNull.Instance,
                    _ => null,
                };
                if (word is not null)
                    return Complete(word, out error);
                error = $"invalid keyword '{token.Printable()}'";
                return null;
            default:
                error = "expecting value";
                return null;
        }
    }

    private JsonString Text(JsonToken token, out string? error)
    {
        error = null;
        // UTF-16, but for what is kept as it came.
        var plain = token.IsLarge && JsonStringDecoder.IsPlain(token.Large);
        _textBytes += plain ? token.Length : 2 * token.Length;
        return plain ? new JsonString(token.Large.Slice(1, token.Length - 2)) : new JsonString(JsonStringDecoder.Decode(token.Span, out error));
    }

    /// <summary>Puts a finished value where it belongs.</summary>
    private JsonValue? Complete(JsonValue value, out string? error)
    {
        error = null;
        if (!_open.TryPeek(out var parent))
            return value;
        if (!parent.IsObject)
            parent.Items.Add(value);
        else if (!parent.Object.TryAdd(parent.Key, value))
            error = "duplicate key";
        parent.Expect = Expect.CommaOrEnd;
        return null;
    }
}
