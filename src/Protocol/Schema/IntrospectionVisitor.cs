using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>
/// Makes query-qmp-schema's answer from the declared types. Types are named by numbers, as in QEMU, so that nobody relies on their names;
/// all integer types are "int".
/// </summary>
public sealed class IntrospectionVisitor : Visitor
{
    private readonly SchemaCatalog _catalog;
    private readonly SchemaInfoObject _target;
    private Member? _member;
    private string _type = "";

    private IntrospectionVisitor(SchemaCatalog catalog, SchemaInfoObject target) => (_catalog, _target) = (catalog, target);

    /// <summary>The whole schema: commands and events first, then the types they use.</summary>
    public static List<SchemaInfo> Schema(IEnumerable<ICommandDeclaration> commands, IEnumerable<EventDeclaration> events)
    {
        var catalog = new SchemaCatalog();
        foreach (var command in commands)
            catalog.Add(new SchemaInfo
            {
                Name = command.Name,
                MetaType = SchemaMetaType.Command,
                FeatureNames = command.Features.Names(),
                Command = new SchemaInfoCommand
                {
                    ArgType = TypeOf(catalog, command.VisitArguments),
                    RetType = TypeOf(catalog, command.VisitResult),
                    AllowOob = command.AllowOob ? true : null,
                },
            });
        foreach (var declaration in events)
            catalog.Add(new SchemaInfo
            {
                Name = declaration.Name,
                MetaType = SchemaMetaType.Event,
                FeatureNames = declaration.Features.Names(),
                Event = new SchemaInfoEvent { ArgType = TypeOf(catalog, declaration.VisitData) },
            });
        return catalog.Entities;
    }

    public override void Text(ref string value) => Finish(_catalog.Builtin("str", JsonType.String));

    public override void Bool(ref bool value) => Finish(_catalog.Builtin("bool", JsonType.Boolean));

    public override void Signed(ref long value) => Finish(_catalog.Builtin("int", JsonType.Int));

    public override void Unsigned(ref ulong value, IntegerKind kind) => Finish(_catalog.Builtin("int", JsonType.Int));

    public override void Any(ref JsonValue value) => Finish(_catalog.Builtin("any", JsonType.Value));

    public override void Alternate(ref JsonValue value, AlternateTable types)
    {
        var member = _member;
        _member = null;
        var names = new List<string>();
        foreach (var visit in types.Types)
        {
            visit(this);
            names.Add(_type);
        }
        _member = member;
        Finish(_catalog.Alternate(types, names));
    }

    public override void Struct<T>(ref T value)
    {
        var member = _member;
        var name = StructName<T>();
        _member = member;
        Finish(name);
    }

    public override void List<T>(ref List<T> value, VisitElement<T> element)
    {
        var member = _member;
        _member = null;
        T sample = default!;
        element(this, ref sample);
        _member = member;
        Finish(_catalog.Array(_type));
    }

    public override void Branch<T>(string discriminator, string caseName, bool taken, ref T branch) =>
        AddVariant(discriminator, caseName, StructName<T>());

    public override void EmptyBranch(string discriminator, string caseName) =>
        AddVariant(discriminator, caseName, StructName<Nothing>());

    protected override bool Begin(in Member member, bool present)
    {
        _member = member;
        return true;
    }

    protected override void Enumeration(ref int index, EnumTable table) => Finish(_catalog.Enum(table));

    private static string TypeOf(SchemaCatalog catalog, Action<Visitor> visit)
    {
        var visitor = new IntrospectionVisitor(catalog, new SchemaInfoObject());
        visit(visitor);
        return visitor._type;
    }

    private string StructName<T>()
        where T : class, IQapiType, new()
        => _catalog.Struct(typeof(T), target => new T().Visit(new IntrospectionVisitor(_catalog, target)));

    private void AddVariant(string discriminator, string caseName, string type)
    {
        _target.Tag = discriminator;
        (_target.Variants ??= []).Add(new SchemaInfoObjectVariant { Case = caseName, Type = type });
    }

    private void Finish(string type)
    {
        _type = type;
        if (_member is not { } member)
            return;
        _member = null;
        _target.Members.Add(new SchemaInfoObjectMember
        {
            Name = member.Name,
            Type = type,
            Default = member.Optional ? JsonNull.Instance : null,
            FeatureNames = member.Features.Names(),
        });
    }
}
