using System.Buffers;
using System.Globalization;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Writes JSON as QEMU prints it: ", " and ": " between, ASCII only, \uXXXX in upper case, %.17g (seen in QEMU 11.1.3). Not checked for
/// balance: the caller is code. One owner, no locks.
/// </summary>
public sealed class JsonWriter(IBufferWriter<byte> output)
{
    private static ReadOnlySpan<byte> HexDigits => "0123456789ABCDEF"u8;

    /// <summary>Characters of a text for which room is asked at once.</summary>
    private const int PieceLength = 1024;

    private const int LongestEscape = 6;

    private const int LongestNumber = 40;

    private bool _needsComma;

    public void BeginObject() => Open('{');

    public void EndObject() => Close('}');

    public void BeginArray() => Open('[');

    public void EndArray() => Close(']');

    /// <summary>A member's name; its value must follow.</summary>
    public void Name(string name)
    {
        Quote(name, ": "u8);
        _needsComma = false;
    }

    public void Text(string value) => Quote(value, []);

    public void Bool(bool value) => Word(value ? "true"u8 : "false"u8);

    public void Null() => Word("null"u8);

    public void Number(long value) => Integer(value);

    public void Number(ulong value) => Integer(value);

    public void Number(JsonNumber value)
    {
        var span = Begin(LongestNumber, out var at);
        output.Advance(at + value.Format(span[at..]));
    }

    /// <summary>Text that is JSON already.</summary>
    /// <param name="utf8">Not changed any more: a message refers to it where it is long.</param>
    public void Raw(ReadOnlyMemory<byte> utf8)
    {
        Separate();
        WriteLong(utf8);
    }

    public void Value(JsonValue value)
    {
        switch (value)
        {
            case JsonNull: Null(); break;
            case JsonBool boolean: Bool(boolean.Value); break;
            case JsonNumber number: Number(number); break;
            case JsonString text: Text(text); break;
            case JsonRaw raw: Raw(raw.Utf8); break;
            case JsonArray array:
                BeginArray();
                foreach (var item in array.Items)
                    Value(item);
                EndArray();
                break;
            case JsonObject members:
                BeginObject();
                foreach (var (name, member) in members.Members)
                {
                    Name(name);
                    Value(member);
                }
                EndObject();
                break;
        }
    }

    private void Text(JsonString text)
    {
        if (text.Plain.IsEmpty)
        {
            Text(text.Value);
            return;
        }
        Word("\""u8);
        foreach (var piece in text.Plain)
            WriteLong(piece);
        Write("\""u8);
    }

    private void WriteLong(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length >= MessageBuffer.SharedFrom && output is MessageBuffer message)
            message.Share(utf8);
        else
            output.Write(utf8.Span);
    }

    private void Open(char bracket)
    {
        Word([(byte)bracket]);
        _needsComma = false;
    }

    private void Close(char bracket)
    {
        Write([(byte)bracket]);
        _needsComma = true;
    }

    private void Integer<T>(T value)
        where T : IUtf8SpanFormattable
    {
        var span = Begin(LongestNumber, out var at);
        value.TryFormat(span[at..], out var length, format: default, CultureInfo.InvariantCulture);
        output.Advance(at + length);
    }

    private void Word(ReadOnlySpan<byte> ascii)
    {
        var span = Begin(ascii.Length, out var at);
        ascii.CopyTo(span[at..]);
        output.Advance(at + ascii.Length);
    }

    /// <summary>Room for a value, with the comma before it if it needs one. The output's parts are asked for as seldom as can be.</summary>
    /// <param name="at">Where the value goes.</param>
    private Span<byte> Begin(int length, out int at)
    {
        var span = output.GetSpan(length + 2);
        at = 0;
        if (_needsComma)
            (span[0], span[1], at) = ((byte)',', (byte)' ', 2);
        _needsComma = true;
        return span;
    }

    private void Separate() => Word([]);

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }

    /// <param name="behind">What comes behind the closing quote.</param>
    private void Quote(string text, ReadOnlySpan<byte> behind)
    {
        if (text.Length > PieceLength)
        {
            QuoteInPieces(text);
            Write(behind);
            return;
        }
        var span = Begin((LongestEscape * text.Length) + 2 + behind.Length, out var at);
        span[at++] = (byte)'"';
        at += Escape(text, span[at..]);
        span[at++] = (byte)'"';
        behind.CopyTo(span[at..]);
        output.Advance(at + behind.Length);
    }

    private void QuoteInPieces(string text)
    {
        Word("\""u8);
        for (var at = 0; at < text.Length; at += PieceLength)
        {
            var piece = text.AsSpan(at, Math.Min(PieceLength, text.Length - at));
            output.Advance(Escape(piece, output.GetSpan(LongestEscape * piece.Length)));
        }
        Write("\""u8);
    }

    /// <returns>Bytes written.</returns>
    private static int Escape(ReadOnlySpan<char> text, Span<byte> span)
    {
        var at = 0;
        while (text.Length > 0)
        {
            var plain = PlainText.Copy(text, span[at..]);
            at += plain;
            text = text[plain..];
            // Text of another script is one escape after another.
            for (; text.Length > 0 && PlainText.IsEscaped(text[0]); text = text[1..])
                at += Escape(text[0], span[at..]);
        }
        return at;
    }

    private static int Escape(char c, Span<byte> span)
    {
        ReadOnlySpan<byte> known = c switch
        {
            '"' => "\\\""u8,
            '\\' => "\\\\"u8,
            '\b' => "\\b"u8,
            '\f' => "\\f"u8,
            '\n' => "\\n"u8,
            '\r' => "\\r"u8,
            '\t' => "\\t"u8,
            _ => [],
        };
        if (!known.IsEmpty)
        {
            known.CopyTo(span);
            return known.Length;
        }
        (span[0], span[1]) = ((byte)'\\', (byte)'u');
        for (var digit = 0; digit < 4; digit++)
            span[2 + digit] = HexDigits[(c >> (12 - (4 * digit))) & 0xF];
        return LongestEscape;
    }
}
