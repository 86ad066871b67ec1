using System.Globalization;
using System.Text;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Schema;

namespace Hostmemd.QmpShell.Help;

/// <summary>The text of <c>help</c>: types and defaults as the server tells them, words from the manual where it has some.</summary>
internal static class CommandHelp
{
    private const string Language = """
        A line is  COMMAND key=value ...  or JSON, which is sent as it is.
          size=1G size=0x1000 share=on   as the command's schema wants it
          id="two words" props.a.b=1     quotes keep blanks together, dots make objects
          host-nodes=0,2-3 props={"a": [1]}
          getfd NAME @FILE               passes FILE's descriptor
          memory-backend-send-fd ID >FILE  writes the memory that comes to FILE
          id=7 oob COMMAND               an id of your own; out of band
          transaction( ACTION ... )      on one line or on many
        Words of the shell:
          help [COMMAND [key=value]]     what it does and takes
          show memory | backends         what there is
          watch memory | backends        the same, again and again, until Ctrl-C
          exit                           leaves the server as it is
        TAB completes, twice it lists. Ctrl-R searches the history.

        """;

    public static string General(ServerSchema? schema) =>
        Language + (schema is null ? "" : "Commands:\n" + Wrap(schema.Commands.Order(StringComparer.Ordinal), "  "));

    /// <param name="given">Arguments that say which members there are: <c>help object-add qom-type=iothread</c>.</param>
    public static string Of(SchemaCommand command, ServerSchema schema, Manual manual, LineValue.Members given)
    {
        var text = new StringBuilder(command.Name);
        string[] marks = [.. command.Features, .. command.AllowsOob ? ["may run out of band"] : Array.Empty<string>()];
        text.Append(marks.Length > 0 ? $" ({string.Join(", ", marks)})\n" : "\n");
        if (manual.Purpose(command.Name) is { Length: > 0 } purpose)
            text.Append("  ").Append(purpose).Append('\n');
        if (schema.Type(command.ArgumentType) is not SchemaType.Struct type)
            return text.ToString();

        string? tag = type.Tag is null ? null : (given[type.Tag] as LineValue.Text)?.Value ?? "";
        Dictionary<string, string> words = manual.Members(command.Name);
        foreach (SchemaMember member in schema.Members(type, tag))
            Append(member, words.GetValueOrDefault(member.Name, ""), schema, text);
        if (type.Tag is not null && tag is "")
            text.Append(CultureInfo.InvariantCulture, $"  and more with a {type.Tag}: help {command.Name} {type.Tag}=...\n");
        return text.ToString();
    }

    private static void Append(SchemaMember member, string doc, ServerSchema schema, StringBuilder text)
    {
        string presence = !member.IsOptional ? "" : member.Default is null or JsonNull ? " (optional)" : $" (default {member.Default})";
        string features = member.Features.Count > 0 ? $" ({string.Join(", ", member.Features)})" : "";
        text.Append(CultureInfo.InvariantCulture, $"  {member.Name}={Shape(schema.Type(member.TypeName), schema)}{presence}{features}\n");
        if (doc.Length > 0)
            text.Append("      ").Append(doc).Append('\n');
        if (schema.Type(member.TypeName) is SchemaType.Enum { Values.Count: > 8 } names)
            text.Append(Wrap(names.Values, "      "));
    }

    private static string Shape(SchemaType type, ServerSchema schema) => type switch
    {
        SchemaType.Builtin { Json: JsonType.String } => "STRING",
        SchemaType.Builtin { Json: JsonType.Int } => "INTEGER",
        SchemaType.Builtin { Json: JsonType.Number } => "NUMBER",
        SchemaType.Builtin { Json: JsonType.Boolean } => "on|off",
        SchemaType.Builtin { Json: JsonType.Null } => "null",
        SchemaType.Enum { Values: { Count: <= 8 } values } => string.Join('|', values),
        SchemaType.Enum => "ONE OF",
        SchemaType.Array list => $"{Shape(schema.Type(list.ElementType), schema)},...",
        SchemaType.Struct structure => structure.Members.Count == 0 ? "{}" : $"{{{string.Join(", ", structure.Members.Select(member => member.Name))}}}",
        SchemaType.Alternate alternate => string.Join(" or ", alternate.Types.Select(name => schema.Type(name) is SchemaType.Alternate ? "..." : Shape(schema.Type(name), schema))),
        _ => "ANY",
    };

    private static string Wrap(IEnumerable<string> words, string indent)
    {
        var text = new StringBuilder();
        int column = 0;
        foreach (string word in words)
        {
            if (column > 0 && column + word.Length + 1 > 78)
            {
                text.Append('\n');
                column = 0;
            }

            string lead = column == 0 ? indent : " ";
            text.Append(lead).Append(word);
            column += lead.Length + word.Length;
        }

        return text.Append('\n').ToString();
    }
}
