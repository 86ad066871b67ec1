using System.Text;
using System.Text.Json;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>One line from the server, which may be no JSON at all.</summary>
internal sealed class TranscriptMessage
{
    public TranscriptMessage(byte[] bytes)
    {
        Bytes = bytes;
        try
        {
            Value = JsonText.Parse(bytes);
        }
        catch (JsonException e)
        {
            Error = e.Message;
        }
    }

    /// <summary>The line as it came, terminator included.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Undefined where <see cref="Error"/> says why.</summary>
    public JsonElement Value { get; }

    public string? Error { get; }

    public bool IsEvent => Value.ValueKind == JsonValueKind.Object && Value.TryGetProperty("event", out _);

    /// <summary>The text of an error response, null for anything else.</summary>
    public string? ErrorDescription =>
        Value.ValueKind == JsonValueKind.Object
        && Value.TryGetProperty("error", out JsonElement error)
        && error.ValueKind == JsonValueKind.Object
        && error.TryGetProperty("desc", out JsonElement description)
            ? description.ToString()
            : null;

    public string Text => Encoding.UTF8.GetString(Bytes.Span).TrimEnd('\r', '\n');
}
