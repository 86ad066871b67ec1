using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Output;

/// <summary>The text of a message for whoever reads it: in one line as on the wire, or with a line a member, sorted (<c>-p</c>).</summary>
/// <param name="pretty">A line a member, four blanks a level, members by name.</param>
/// <param name="readable">Characters stand for themselves where they can be printed; else ASCII alone, as on the wire.</param>
internal sealed class MessageFormat(bool pretty, bool readable)
{
    private const int Indent = 4;

    public string Text(JsonValue value)
    {
        if (!pretty && !readable)
            return value.ToString();
        var text = new StringBuilder();
        Write(value, 0, text);
        return text.ToString();
    }

    private void Write(JsonValue value, int level, StringBuilder text)
    {
        switch (value)
        {
            case JsonObject { Members: var members } when members.Count > 0:
                IEnumerable<KeyValuePair<string, JsonValue>> ordered = pretty ? members.OrderBy(member => member.Key, StringComparer.Ordinal) : members;
                Write(ordered, '{', '}', level, text, member =>
                {
                    Write(new JsonString(member.Key), level, text);
                    text.Append(": ");
                    Write(member.Value, level + 1, text);
                });
                break;
            case JsonArray { Items: var items } when items.Count > 0:
                Write(items, '[', ']', level, text, item => Write(item, level + 1, text));
                break;
            case JsonString { Value: var plain } when readable:
                Quote(plain, text);
                break;
            default:
                text.Append(value.ToString());
                break;
        }
    }

    private void Write<T>(IEnumerable<T> items, char open, char close, int level, StringBuilder text, Action<T> write)
    {
        text.Append(open);
        bool isFirst = true;
        foreach (T item in items)
        {
            if (!isFirst)
                text.Append(pretty ? "," : ", ");
            isFirst = false;
            if (pretty)
                text.Append('\n').Append(' ', Indent * (level + 1));
            write(item);
        }

        if (pretty)
            text.Append('\n').Append(' ', Indent * level);
        text.Append(close);
    }

    private static void Quote(string value, StringBuilder text)
    {
        text.Append('"');
        foreach (Rune rune in value.EnumerateRunes())
        {
            // Escapes for the terminal itself, and marks that turn the direction of text, are no characters to print.
            if (rune.IsAscii || Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.Format)
                text.Append(new JsonString(rune.ToString()).ToString().AsSpan()[1..^1]);
            else
                text.Append(rune.ToString());
        }

        text.Append('"');
    }
}
