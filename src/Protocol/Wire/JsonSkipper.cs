namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Passes over the inside of a list or an object that nobody wants, at any split of the input. It only counts brackets, so what is wrong
/// inside is not seen. One owner, no locks.
/// </summary>
internal sealed class JsonSkipper
{
    private int _depth;
    private byte _quote;
    private bool _isEscaped;

    /// <summary>The end has not come yet.</summary>
    public bool IsSkipping => _depth > 0;

    /// <summary>The opening bracket was read.</summary>
    public void Begin() => _depth = 1;

    /// <returns>Bytes passed over: up to the closing bracket, or all.</returns>
    public int Skip(ReadOnlySpan<byte> input)
    {
        var at = 0;
        while (at < input.Length && _depth > 0)
            at += _quote == 0 ? SkipStructure(input[at..]) : SkipText(input[at..]);
        return at;
    }

    /// <summary>Up to the next text, or to the end of all.</summary>
    private int SkipStructure(ReadOnlySpan<byte> input)
    {
        for (var i = 0; i < input.Length; i++)
        {
            switch (input[i])
            {
                case (byte)'[' or (byte)'{':
                    _depth++;
                    break;
                case (byte)']' or (byte)'}':
                    if (--_depth == 0)
                        return i + 1;
                    break;
                case (byte)'"' or (byte)'\'':
                    _quote = input[i];
                    return i + 1;
            }
        }
        return input.Length;
    }

    private int SkipText(ReadOnlySpan<byte> input)
    {
        if (_isEscaped)
        {
            _isEscaped = false;
            return 1;
        }
        var stop = input.IndexOfAny(_quote, (byte)'\\');
        if (stop < 0)
            return input.Length;
        if (input[stop] == _quote)
            _quote = 0;
        else
            _isEscaped = true;
        return stop + 1;
    }
}
