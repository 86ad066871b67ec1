using System.Buffers;
using System.Text;

namespace Hostmemd.Protocol.Wire;

/// <summary>Whole JSON texts: for tests, logs, the command line and small clients. Sessions read through <see cref="JsonReader"/>.</summary>
public static class JsonText
{
    /// <summary>The text QEMU would print for the value.</summary>
    public static string Of(JsonValue value) => Of(json => json.Value(value));

    /// <summary>The same without a value: what is written is the text.</summary>
    public static string Of(Action<JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(new JsonWriter(buffer));
        return Encoding.ASCII.GetString(buffer.WrittenSpan);
    }

    /// <summary>A JSON string, with its quotes.</summary>
    public static string Quoted(string text) => text.Any(PlainText.IsEscaped) ? Of(json => json.Text(text)) : $"\"{text}\"";

    /// <summary>Reads exactly one value.</summary>
    /// <exception cref="FormatException">The text is no JSON value, or more than one; the message is the parser's.</exception>
    public static JsonValue Parse(string text)
    {
        var reader = new JsonReader();
        // A number or a keyword is complete only with the byte behind it.
        var bytes = Encoding.UTF8.GetBytes(text + "\n");
        JsonValue? result = null;
        var at = 0;
        while (reader.TryRead(bytes.AsSpan(at), out var used, out var reading))
        {
            at += used;
            if (reading.Error is not null)
                throw new FormatException(reading.Error);
            if (result is not null)
                throw new FormatException("more than one JSON value");
            result = reading.Value;
        }
        return result ?? throw new FormatException("incomplete JSON value");
    }
}
