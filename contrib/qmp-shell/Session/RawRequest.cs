using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Session;

/// <summary>JSON that goes out as it was typed, its mistakes included.</summary>
/// <param name="Ids">For each answer that will come the id it has, as text on the wire; null without.</param>
/// <param name="Commands">The commands they answer; null where the text has none.</param>
/// <param name="IsComplete">Brackets are closed: the server will answer.</param>
internal sealed record RawRequest(string Text, IReadOnlyList<string?> Ids, IReadOnlyList<string?> Commands, bool IsComplete)
{
    public static RawRequest Read(string text)
    {
        var reader = new JsonReader();
        byte[] bytes = Encoding.UTF8.GetBytes(text + "\n");
        var ids = new List<string?>();
        var commands = new List<string?>();
        int at = 0;
        while (reader.TryRead(bytes.AsSpan(at), out int used, out JsonReading reading))
        {
            at += used;
            ids.Add((reading.Value as JsonObject)?["id"]?.ToString());
            commands.Add(((reading.Value as JsonObject)?["execute"] as JsonString)?.Value);
        }

        return new RawRequest(text, ids, commands, IsComplete: reader.Held == 0);
    }
}
