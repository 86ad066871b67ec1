using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>Describes one type for the reference manual: a table row for each member. Types of members join the manual's list.</summary>
/// <param name="owner">Whose members they are: a command, an event or a type.</param>
internal sealed class DocumentationVisitor(ReferenceTypes types, string owner) : Visitor
{
    private readonly StringBuilder _rows = new();
    private Member? _member;

    /// <summary>What the manual calls the type that was visited last, with a link.</summary>
    public string TypeText { get; private set; } = "";

    /// <summary>The members as a Markdown table; empty for a type without.</summary>
    public string Table(string title) =>
        _rows.Length == 0 ? "" : $"| {title} | type | required | since | |\n|---|---|---|---|---|\n{_rows}\n";

    public override bool OpenMembers(ref JsonObject raw)
    {
        _rows.Append("| … | any | no | | further members, as the command's text says |\n");
        return false;
    }

    public override void Text(ref string value) => Finish("string");

    public override void Bool(ref bool value) => Finish("boolean");

    public override void Signed(ref long value) => Finish("int");

    public override void Unsigned(ref ulong value, IntegerKind kind) => Finish(kind.ToString().ToLowerInvariant());

    public override void Any(ref JsonValue value) => Finish("any");

    public override void Alternate(ref JsonValue value, AlternateTable types)
    {
        var member = _member;
        _member = null;
        var names = new List<string>();
        foreach (var visit in types.Types)
        {
            visit(this);
            names.Add(TypeText);
        }
        _member = member;
        Finish(string.Join(" or ", names));
    }

    public override void Struct<T>(ref T value) => Finish(types.Struct<T>());

    public override void List<T>(ref List<T> value, VisitElement<T> element)
    {
        var member = _member;
        _member = null;
        T sample = default!;
        element(this, ref sample);
        _member = member;
        Finish($"list of {TypeText}");
    }

    public override void Branch<T>(string discriminator, string caseName, bool taken, ref T branch) =>
        _rows.Append($"| with {discriminator} `{caseName}` | {types.Struct<T>()} | | | its members stand beside these |\n");

    protected override bool Begin(in Member member, bool present)
    {
        _member = member;
        return true;
    }

    protected override void Enumeration(ref int index, EnumTable table) => Finish(types.Enum(table));

    private void Finish(string type)
    {
        TypeText = type;
        if (_member is not { } member)
            return;
        _member = null;
        var required = member.Optional ? "no" : "yes";
        _rows.Append(
            $"| `{member.Name}`{ReferenceTypes.Marks(member.Features)} | {type} | {required} | {types.Since(owner, member.Name)} | {member.Doc} |\n");
    }
}
