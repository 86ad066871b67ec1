namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Cuts a byte stream into the tokens of QEMU's JSON dialect (single quotes too), at any split of the input, each byte looked at once.
/// One owner, no locks.
/// </summary>
/// <remarks>
/// Positions are QEMU 11.1.3's: a token that ends only at the byte behind it leaves the next token's column one too high when that byte
/// begins it. Clients see these columns in error texts, so they are kept.
/// </remarks>
internal sealed class JsonLexer
{
    private enum State : byte
    {
        Start,
        Keyword,
        Minus,
        Zero,
        Digits,
        Point,
        Fraction,
        Exponent,
        ExponentSign,
        ExponentDigits,
        String,
        Escape,
        Recovery,
    }

    /// <summary>No UTF-8 has a byte above it.</summary>
    private const byte LastInString = 0xFD;

    private State _state;
    private byte _quote;
    private readonly TokenBuffer _partial = new();
    private bool _dropping;
    private long _offset;
    private long _lineStart;
    private int _line = 1;
    private bool _lookedAhead;
    private bool _pendingByteCounted;

    /// <summary>Where the token that was cut last begins; from 1.</summary>
    public int TokenLine { get; private set; } = 1;

    /// <summary>Where the token that was cut last begins; bytes, from 1.</summary>
    public long TokenColumn { get; private set; } = 1;

    /// <summary>Bytes of an unfinished token that are kept between two calls.</summary>
    public long Unfinished => _partial.Length;

    /// <summary>Nothing of a token has come. What is left of one that was no token is not waited for.</summary>
    public bool IsBetweenTokens => _state is State.Start or State.Recovery && !_dropping;

    /// <summary>Takes input up to the end of the next token.</summary>
    /// <param name="used">Bytes taken; call again with the rest.</param>
    /// <param name="token">The token, which is valid until the next call.</param>
    /// <returns>false: all input was taken and no token ended.</returns>
    public bool TryCut(ReadOnlySpan<byte> input, out int used, out JsonToken token)
    {
        var start = 0; // where the token begins in this input; a part of it may be kept from before
        for (var i = 0; i < input.Length; i++)
        {
            if (_state == State.String)
            {
                // The inside of a string is most of any large message: jump over it.
                var stop = PlainText.IndexOfStop(input[i..], _quote, LastInString);
                if (stop < 0)
                    break;
                i += stop;
            }
            var c = input[i];
            CountLine(c, i);
            if (_state == State.Recovery)
            {
                if (!EndsRecovery(c))
                {
                    start = i + 1;
                    continue;
                }
                _state = State.Start;
                _lookedAhead = true;
                start = i;
            }
            if (_state == State.Start)
            {
                if (IsSpace(c))
                {
                    _lookedAhead = false;
                    start = i + 1;
                    continue;
                }
                BeginToken(i);
                start = i;
                if (Whole(input[i..], out var length) is { } kind)
                {
                    used = i + length;
                    token = new JsonToken(kind, input[i..used], isPlain: kind == JsonTokenKind.String);
                    // Looked ahead, but the byte is not counted yet.
                    _lookedAhead = EndsBeforeNext(kind);
                    _offset += used;
                    return true;
                }
            }
            var (next, ended) = Step(c);
            if (ended is null)
            {
                _state = next;
                continue;
            }
            // The byte that is looked at again is not counted again.
            var ahead = EndsBeforeNext(ended.Value);
            used = ahead ? i : i + 1;
            token = Take(ended.Value, input[start..used]);
            _state = ended == JsonTokenKind.Stray ? State.Recovery : State.Start;
            _lookedAhead = ahead;
            _pendingByteCounted = ahead;
            _offset += used;
            return true;
        }
        if (_state is not (State.Start or State.Recovery))
            Keep(input[start..]);
        _offset += input.Length;
        used = input.Length;
        token = default;
        return false;
    }

    /// <summary>Bytes between two tokens were passed over by somebody else.</summary>
    public void Passed(int bytes) => _offset += bytes;

    /// <summary>Gives up on the token that is unfinished: what is kept of it goes, and when it ends it comes as an empty one.</summary>
    public void Drop()
    {
        _dropping = _state is not (State.Start or State.Recovery);
        _partial.Clear();
    }

    /// <summary>Frees what a large token left behind.</summary>
    public void Trim() => _partial.Trim();

    private static bool EndsRecovery(byte c) =>
        c is (< 0x20 and not (byte)'\t') or >= 0xFE or (byte)'{' or (byte)'}' or (byte)'[' or (byte)']' or (byte)':' or (byte)',';

    private static bool IsSpace(byte c) => c is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';

    private static bool IsLetter(byte c) => c is >= (byte)'a' and <= (byte)'z';

    private static bool IsDigit(byte c) => c is >= (byte)'0' and <= (byte)'9';

    private void CountLine(byte c, int at)
    {
        if (_pendingByteCounted)
        {
            _pendingByteCounted = false;
            return;
        }
        if (c == '\n')
        {
            _line++;
            _lineStart = _offset + at + 1;
        }
    }

    private void BeginToken(int at)
    {
        TokenLine = _line;
        TokenColumn = _offset + at - _lineStart + 1 + (_lookedAhead ? 1 : 0);
        _lookedAhead = false;
    }

    /// <summary>A number or keyword ends before the byte that shows its end; everything else with it.</summary>
    private static bool EndsBeforeNext(JsonTokenKind kind) => kind is JsonTokenKind.Integer or JsonTokenKind.Float or JsonTokenKind.Keyword;

    /// <summary>
    /// The token that the input begins with, where its end is seen at once: nearly all are short, plain and here as a whole. Any other is cut byte
    /// by byte.
    /// </summary>
    /// <param name="input">One byte or more.</param>
    /// <param name="length">Bytes of the token.</param>
    private static JsonTokenKind? Whole(ReadOnlySpan<byte> input, out int length)
    {
        length = 1;
        switch (input[0])
        {
            case (byte)'{': return JsonTokenKind.LeftBrace;
            case (byte)'}': return JsonTokenKind.RightBrace;
            case (byte)'[': return JsonTokenKind.LeftBracket;
            case (byte)']': return JsonTokenKind.RightBracket;
            case (byte)':': return JsonTokenKind.Colon;
            case (byte)',': return JsonTokenKind.Comma;
            case (byte)'"' or (byte)'\'':
                length += PlainText.IndexOfStop(input[1..], input[0], PlainText.LastAscii) + 1;
                return length > 1 && input[length - 1] == input[0] ? JsonTokenKind.String : null;
            case >= (byte)'1' and <= (byte)'9':
                while (length < input.Length && IsDigit(input[length]))
                    length++;
                return length < input.Length && input[length] is not ((byte)'.' or (byte)'e' or (byte)'E') ? JsonTokenKind.Integer : null;
            case (byte)'0':
                return input.Length > 1 && input[1] != '.' && !IsDigit(input[1]) ? JsonTokenKind.Integer : null;
            case >= (byte)'a' and <= (byte)'z':
                while (length < input.Length && IsLetter(input[length]))
                    length++;
                return length < input.Length ? JsonTokenKind.Keyword : null;
            default: return null;
        }
    }

    private (State Next, JsonTokenKind? Ended) Step(byte c) => _state switch
    {
        State.Start => StepStart(c),
        State.Keyword => IsLetter(c) ? (State.Keyword, null) : (default, JsonTokenKind.Keyword),
        State.Minus => c == '0' ? (State.Zero, null) : IsDigit(c) ? (State.Digits, null) : Stray,
        // No exponent here: 0e5 is the number 0 and the keyword e (seen in QEMU 11.1.3).
        State.Zero => IsDigit(c) ? Stray : c == '.' ? (State.Point, null) : (default, JsonTokenKind.Integer),
        State.Digits => IsDigit(c) ? (State.Digits, null) : StepInteger(c),
        State.Point => IsDigit(c) ? (State.Fraction, null) : Stray,
        State.Fraction => IsDigit(c) ? (State.Fraction, null) : c is (byte)'e' or (byte)'E' ? (State.Exponent, null) : (default, JsonTokenKind.Float),
        State.Exponent => c is (byte)'+' or (byte)'-' ? (State.ExponentSign, null) : IsDigit(c) ? (State.ExponentDigits, null) : Stray,
        State.ExponentSign => IsDigit(c) ? (State.ExponentDigits, null) : Stray,
        State.ExponentDigits => IsDigit(c) ? (State.ExponentDigits, null) : (default, JsonTokenKind.Float),
        State.String => c == _quote ? (default, JsonTokenKind.String) : c == '\\' ? (State.Escape, null) : StepInString(c),
        State.Escape => StepInString(c),
        _ => throw new InvalidOperationException($"lexer state {_state}"),
    };

    private static (State, JsonTokenKind?) Stray => (default, JsonTokenKind.Stray);

    private static (State, JsonTokenKind?) StepInString(byte c) => c is < 0x20 or > LastInString ? Stray : (State.String, null);

    private static (State, JsonTokenKind?) StepInteger(byte c) => c switch
    {
        (byte)'.' => (State.Point, null),
        (byte)'e' or (byte)'E' => (State.Exponent, null),
        _ => (default, JsonTokenKind.Integer),
    };

    /// <summary>Brackets, colons and commas do not come here: each is whole.</summary>
    private (State, JsonTokenKind?) StepStart(byte c)
    {
        switch (c)
        {
            case (byte)'"' or (byte)'\'':
                _quote = c;
                return (State.String, null);
            case (byte)'-': return (State.Minus, null);
            case (byte)'0': return (State.Zero, null);
            case >= (byte)'1' and <= (byte)'9': return (State.Digits, null);
            case >= (byte)'a' and <= (byte)'z': return (State.Keyword, null);
            default: return Stray;
        }
    }

    /// <summary>The token's bytes: this input's, behind what was kept from inputs before.</summary>
    private JsonToken Take(JsonTokenKind kind, ReadOnlySpan<byte> last)
    {
        if (_dropping)
        {
            _dropping = false;
            return new JsonToken(kind, []);
        }
        if (_partial.Length == 0)
            return new JsonToken(kind, last);
        Keep(last);
        return _partial.Take(kind);
    }

    private void Keep(ReadOnlySpan<byte> part)
    {
        // One byte over the limit is enough for the parser to refuse the token; the rest of it is not kept.
        if (!_dropping)
            _partial.Append(part[..(int)Math.Min(part.Length, JsonLimits.MaxTokenBytes + 1 - _partial.Length)]);
    }
}
