using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects;

/// <summary>Shows a type's members as QOM properties: the same Visit that reads object-add's arguments, so the two cannot differ.</summary>
internal sealed class QomPropertyVisitor : Visitor
{
    private readonly List<(Member Member, string Type)> _members = [];
    private Member? _member;

    /// <summary>The properties with their values as they are now.</summary>
    public static IEnumerable<QomProperty> PropertiesOf(IQapiType value)
    {
        var values = new Lazy<JsonObject>(() => OutputVisitor.ToObject(value));
        var visitor = new QomPropertyVisitor();
        value.Visit(visitor);
        return visitor._members.Select(member => new QomProperty(
            member.Member.Name, member.Type, () => values.Value[member.Member.Name] ?? JsonNull.Instance,
            member.Member.QomDescribed ? member.Member.Doc : null));
    }

    public override void Branch<T>(string discriminator, string caseName, bool taken, ref T branch) { }

    public override void Text(ref string value) => Add("string");

    public override void Bool(ref bool value) => Add("bool");

    public override void Signed(ref long value) => Add("int");

    public override void Unsigned(ref ulong value, IntegerKind kind) => Add("int");

    public override void Any(ref JsonValue value) => Add("any");

    public override void Struct<T>(ref T value) => Add(T.TypeName);

    public override void List<T>(ref List<T> value, VisitElement<T> element) => Add("list");

    protected override bool Begin(in Member member, bool present)
    {
        _member = member;
        return true;
    }

    protected override void Enumeration(ref int index, EnumTable table) => Add(table.TypeName);

    private void Add(string type)
    {
        var member = _member!.Value;
        _members.Add((member, member.QomType ?? type));
    }
}
