using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell;

/// <summary>What <c>command key=value ...</c> asks for.</summary>
internal sealed record LineCommand(string Name, JsonObject? Arguments)
{
    /// <exception cref="FormatException">An argument is no key=value, or stands twice.</exception>
    public static LineCommand Parse(string line)
    {
        List<string> words = Split(line.Trim());
        return new LineCommand(words[0], words.Count == 1 ? null : ReadArguments(words[1..]));
    }

    private static JsonObject ReadArguments(List<string> words)
    {
        var arguments = new Dictionary<string, JsonValue>(StringComparer.Ordinal);
        foreach (string word in words)
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new FormatException($"expected key=value, got {word}");
            if (!arguments.TryAdd(word[..equals], ReadValue(word[(equals + 1)..])))
                throw new FormatException($"{word[..equals]} is given twice");
        }

        return new JsonObject(arguments);
    }

    // A value that is JSON goes out as it was typed, numbers to the last digit; the rest is a string. So is what stands in single quotes,
    // which is JSON to QMP but not to whoever types it: nothing else here knows them.
    private static JsonValue ReadValue(string value)
    {
        try
        {
            if (value is not ['\'', ..] && JsonText.Parse(value) is not JsonNull)
                return new JsonRaw(Encoding.UTF8.GetBytes(value));
        }
        catch (FormatException)
        {
            // It is a string, then.
        }

        return new JsonString(value);
    }

    // A blank separates arguments, except within quotes and brackets, as in props={"size": 4096}.
    private static List<string> Split(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        int depth = 0;
        bool quoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (c == ' ' && depth == 0 && !quoted)
            {
                if (word.Length > 0)
                    words.Add(word.ToString());
                word.Clear();
                continue;
            }

            word.Append(c);
            if (quoted && c == '\\' && i + 1 < line.Length)
                word.Append(line[++i]);
            else if (c == '"')
                quoted = !quoted;
            else if (!quoted)
                depth += c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
        }

        words.Add(word.ToString());
        return words;
    }
}
