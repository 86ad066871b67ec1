using System.Text;
using Expecting = Hostmemd.Protocol.Wire.JsonContainer.Expecting;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Builds values from tokens and says what is wrong with the rest, in QEMU's words. After a syntax error or a broken limit everything is
/// skipped until the brackets balance; after a stray byte parsing starts anew at once (seen in QEMU 11.1.3).
/// </summary>
internal sealed class JsonParser
{
    /// <summary>What a token takes beside its bytes: the value, its place in a list, the name it has.</summary>
    private const int TokenOverhead = 64;

    private JsonContainer? _open;
    private int _braces;
    private int _brackets;
    private int _tokens;
    private long _tokenBytes;
    private long _textBytes;
    private bool _skipping;

    /// <summary>About how many bytes of memory the unfinished value takes.</summary>
    public long Held => _skipping ? 0 : _textBytes + ((long)_tokens * TokenOverhead);

    /// <summary>Nothing of a value has come, and nothing of one is being skipped.</summary>
    public bool IsBetweenValues => _open is null && !_skipping;

    /// <summary>Takes the next token.</summary>
    /// <returns>A value that it completes, an error that it makes, or null: more is to come.</returns>
    public JsonReading? Add(in JsonToken token, int line, long column)
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

    /// <summary>Leaves a member out whose value begins with this token, a bracket; what belongs to it must not be added.</summary>
    /// <returns>false: the token begins no such member.</returns>
    public bool TryLeaveOut(JsonTokenKind kind, string name)
    {
        if (kind is not (JsonTokenKind.LeftBracket or JsonTokenKind.LeftBrace) || _open is not { } open || !open.IsAt(name))
            return false;
        open.Next = Expecting.CommaOrEnd;
        return true;
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
        _open = null;
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
        _open = null;
        _braces = _brackets = _tokens = 0;
        _tokenBytes = _textBytes = 0;
        _skipping = false;
    }

    /// <summary>One step of the grammar.</summary>
    /// <returns>The outermost value, if this token completes it.</returns>
    private JsonValue? Accept(in JsonToken token, out string? error)
    {
        error = null;
        var kind = token.Kind;
        if (_open is not { } open)
            return AcceptValue(token, out error);
        switch (open.Next)
        {
            case Expecting.KeyOrEnd when kind == JsonTokenKind.RightBrace:
            case Expecting.ValueOrEnd when kind == JsonTokenKind.RightBracket:
            case Expecting.CommaOrEnd when kind == (open.IsObject ? JsonTokenKind.RightBrace : JsonTokenKind.RightBracket):
                _open = open.Outer;
                return Complete(open.Value, out error);
            case Expecting.KeyOrEnd or Expecting.Key:
                open.Next = Expecting.Colon;
                if (kind == JsonTokenKind.String)
                    Key(open, token, out error);
                else
                    error = "expecting key";
                return null;
            case Expecting.Colon:
                open.Next = Expecting.Value;
                error = kind == JsonTokenKind.Colon ? null : "expecting ':'";
                return null;
            case Expecting.CommaOrEnd:
                open.Next = open.IsObject ? Expecting.Key : Expecting.Value;
                error = kind == JsonTokenKind.Comma ? null : open.IsObject ? "expected ',' or '}'" : "expected ',' or ']'";
                return null;
            default:
                return AcceptValue(token, out error);
        }
    }

    private JsonValue? AcceptValue(in JsonToken token, out string? error)
    {
        error = null;
        switch (token.Kind)
        {
            case JsonTokenKind.LeftBrace or JsonTokenKind.LeftBracket:
                _open = new JsonContainer(token.Kind == JsonTokenKind.LeftBrace, _open);
                return null;
            case JsonTokenKind.String:
                var text = (token.IsPlain ? _open?.Same(token.Span[1..^1]) : null) ?? Text(token, out error);
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

    private void Key(JsonContainer open, in JsonToken token, out string? error)
    {
        error = null;
        if (token.IsPlain && open.TryKey(token.Span[1..^1]))
            return;
        open.Key(Text(token, out error).Value);
    }

    private JsonString Text(in JsonToken token, out string? error)
    {
        error = null;
        if (token.IsPlain)
        {
            // UTF-16.
            _textBytes += 2 * token.Length;
            return new JsonString(Encoding.Latin1.GetString(token.Span[1..^1]));
        }
        if (token.Large is { Bytes: var large } && JsonStringDecoder.IsPlain(large))
        {
            // Kept as it came.
            _textBytes += large.Length;
            return new JsonString(large.Slice(1, large.Length - 2));
        }
        _textBytes += 2 * token.Length;
        return new JsonString(JsonStringDecoder.Decode(token.Span, out error));
    }

    /// <summary>Puts a finished value where it belongs.</summary>
    private JsonValue? Complete(JsonValue value, out string? error)
    {
        error = null;
        if (_open is null)
            return value;
        if (!_open.TryAdd(value))
            error = "duplicate key";
        return null;
    }
}
