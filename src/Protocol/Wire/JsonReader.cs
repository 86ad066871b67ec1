namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Reads a stream of JSON values in QEMU's dialect, in pieces of any size. State is kept between pieces, so that a value that comes in many
/// of them costs no more than one that comes whole. Bad input becomes an error and reading goes on. One owner, no locks.
/// </summary>
public sealed class JsonReader
{
    private readonly JsonLexer _lexer = new();
    private readonly JsonParser _parser = new();
    private readonly JsonSkipper _skipper = new();

    /// <summary>Members of that name are left out where they are lists or objects, which costs next to nothing; null: none.</summary>
    internal string? Without { get; set; }

    /// <summary>About how many bytes of memory the value takes that is unfinished.</summary>
    internal long Held => _lexer.Unfinished + _parser.Held;

    /// <summary>Nothing of the next value has come.</summary>
    internal bool IsBetweenValues => _lexer.IsBetweenTokens && _parser.IsBetweenValues;

    /// <summary>Takes input up to the end of the next value or error.</summary>
    /// <param name="used">Bytes taken; call again with the rest.</param>
    /// <returns>false: all input was taken and more is needed.</returns>
    public bool TryRead(ReadOnlySpan<byte> input, out int used, out JsonReading reading)
    {
        used = Skip(input);
        while (_lexer.TryCut(input[used..], out var taken, out var token))
        {
            used += taken;
            if (Without is { } name && _parser.TryLeaveOut(token.Kind, name))
            {
                _skipper.Begin();
                used += Skip(input[used..]);
                continue;
            }
            if (_parser.Add(token, _lexer.TokenLine, _lexer.TokenColumn) is not { } made)
                continue;
            _lexer.Trim();
            reading = made;
            return true;
        }
        used = input.Length;
        reading = default;
        return false;
    }

    private int Skip(ReadOnlySpan<byte> input)
    {
        if (!_skipper.IsSkipping)
            return 0;
        var skipped = _skipper.Skip(input);
        _lexer.Passed(skipped);
        return skipped;
    }

    /// <summary>Refuses the value that is unfinished: what is kept of it goes, and the rest of it is skipped.</summary>
    internal JsonReading Refuse(string error)
    {
        _lexer.Drop();
        return _parser.Refuse(error);
    }
}
