using System.Buffers;
using System.Text;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// Writes JSON as QEMU prints it: ", " and ": " between, ASCII only, \uXXXX in upper case, %.17g (seen in QEMU 11.1.3). Not checked for
/// balance: the caller is code. One owner, no locks.
/// </summary>
public sealed class JsonWriter(IBufferWriter<byte> output)
{
    private static ReadOnlySpan<byte> HexDigits => "0123456789ABCDEF"u8;

    private bool _needsComma;

    public void BeginObject() => Open('{');

    public void EndObject() => Close('}');

    public void BeginArray() => Open('[');

    public void EndArray() => Close(']');

    /// <summary>A member's name; its value must follow.</summary>
    public void Name(string name)
    {
        Separate();
        Quote(name);
        Write(": "u8);
        _needsComma = false;
    }

    public void Text(string value)
    {
        Separate();
        Quote(value);
    }

    public void Bool(bool value)
    {
        Separate();
        Write(value ? "true"u8 : "false"u8);
    }

    public void Null()
    {
        Separate();
        Write("null"u8);
    }

    public void Number(long value) => Number(JsonNumber.Of(value));

    public void Number(ulong value) => Number(JsonNumber.Of(value));

    public void Number(JsonNumber value)
    {
        Separate();
        output.Advance(value.Format(output.GetSpan(40)));
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
        Separate();
        Write("\""u8);
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
        Separate();
        Write([(byte)bracket]);
        _needsComma = false;
    }

    private void Close(char bracket)
    {
        Write([(byte)bracket]);
        _needsComma = true;
    }

    private void Separate()
    {
        if (_needsComma)
            Write(", "u8);
        _needsComma = true;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }

    private void Quote(string text)
    {
        Write("\""u8);
        var rest = text.AsSpan();
        while (rest.Length > 0)
        {
            var plain = PlainText.IndexOfEscaped(rest);
            WritePlain(plain < 0 ? rest : rest[..plain]);
            if (plain < 0)
                break;
            rest = rest[plain..];
            // Text of another script is one escape after another.
            do
            {
                Escape(rest[0]);
                rest = rest[1..];
            }
            while (rest.Length > 0 && PlainText.IsEscaped(rest[0]));
        }
        Write("\""u8);
    }

    private void WritePlain(ReadOnlySpan<char> ascii)
    {
        while (ascii.Length > 0)
        {
            var span = output.GetSpan(Math.Min(ascii.Length, 64 * 1024));
            var part = ascii[..Math.Min(span.Length, ascii.Length)];
            output.Advance(Encoding.ASCII.GetBytes(part, span));
            ascii = ascii[part.Length..];
        }
    }

    private void Escape(char c)
    {
        switch (c)
        {
            case '"': Write("\\\""u8); break;
            case '\\': Write("\\\\"u8); break;
            case '\b': Write("\\b"u8); break;
            case '\f': Write("\\f"u8); break;
            case '\n': Write("\\n"u8); break;
            case '\r': Write("\\r"u8); break;
            case '\t': Write("\\t"u8); break;
            default:
                var span = output.GetSpan(6);
                (span[0], span[1]) = ((byte)'\\', (byte)'u');
                for (var digit = 0; digit < 4; digit++)
                    span[2 + digit] = HexDigits[(c >> (12 - (4 * digit))) & 0xF];
                output.Advance(6);
                break;
        }
    }
}
