using System.Text;

namespace Hostmemd.Protocol.Schema;

/// <summary>Makes the reference manual, in Markdown, from the declarations.</summary>
public static class ReferenceManual
{
    /// <param name="preface">What stands above the commands.</param>
    /// <param name="recorded">What was seen of a command, by name: examples, errors.</param>
    /// <param name="since">The version that had it first, by the name of a command, event or type, or by OWNER.MEMBER.</param>
    public static string Write(
        string preface, IEnumerable<ICommandDeclaration> commands, IEnumerable<EventDeclaration> events, Func<string, string> recorded,
        Func<string, string> since)
    {
        var types = new ReferenceTypes(since);
        var text = new StringBuilder(preface).Append("\n## Commands\n");
        foreach (var command in commands)
        {
            AppendHead(text, command.Name, command.Doc, since(command.Name), command.Features,
                command.AllowOob ? "may run out of band" : null, command.AllowReadOnly ? "allowed on a read-only socket" : null);
            text.Append(types.Describe("Argument", command.Name, command.VisitArgumentMembers));
            var result = new DocumentationVisitor(types, command.Name);
            command.VisitResult(result);
            text.Append($"Returns {result.TypeText}.\n");
            text.Append(recorded(command.Name));
        }
        text.Append("\n## Events\n");
        foreach (var declaration in events)
        {
            AppendHead(text, declaration.Name, declaration.Doc, since(declaration.Name), declaration.Features, declaration.OnRequest ? "only after event-subscribe" : null);
            text.Append(types.Describe("Data", declaration.Name, declaration.VisitDataMembers));
        }
        text.Append("\n## Types\n");
        types.AppendAll(text);
        return text.ToString().TrimEnd() + "\n";
    }

    private static void AppendHead(StringBuilder text, string name, string doc, string since, Features features, params string?[] notes)
    {
        text.Append($"\n### {name}\n\n{doc}\n\n");
        var marks = (features.Names() ?? []).Select(feature => $"feature `{feature}`").Concat(notes.OfType<string>());
        text.Append($"*{string.Join("; ", marks.Prepend($"since {since}"))}*\n\n");
    }
}
