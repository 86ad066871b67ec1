using System.Text.Json;
using System.Text.Unicode;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>Strict reading of one JSON value, as deep as QMP allows, and its text in messages.</summary>
internal static class JsonText
{
    /// <summary>QEMU nests up to 1,024 levels; an answer that echoes such a value wraps it once more.</summary>
    private const int MaxDepth = 2048;

    private const int ShownCharacters = 600;

    /// <exception cref="JsonException">Not one JSON value of Unicode text without duplicate members.</exception>
    public static JsonElement Parse(ReadOnlyMemory<byte> utf8)
    {
        // JsonDocument looks into strings only when they are asked for; a comparison must not be the first to find bad text.
        if (!Utf8.IsValid(utf8.Span))
            throw new JsonException("invalid UTF-8");
        RefuseLoneSurrogates(utf8.Span);
        return JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false }).RootElement;
    }

    public static string Shorten(string text) =>
        text.Length <= ShownCharacters ? text : $"{text[..ShownCharacters]}... ({text.Length} chars)";

    public static string Show(JsonElement value) => Shorten(value.GetRawText());

    private static void RefuseLoneSurrogates(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (!reader.ValueIsEscaped)
                continue;
            try
            {
                _ = reader.GetString();
            }
            catch (InvalidOperationException e)
            {
                throw new JsonException(e.Message, e);
            }
        }
    }
}
