namespace Hostmemd.Protocol.Schema;

/// <summary>The entities of a schema in the making, each type once.</summary>
internal sealed class SchemaCatalog
{
    private readonly Dictionary<object, string> _names = [];
    private int _numbered;

    public List<SchemaInfo> Entities { get; } = [];

    public void Add(SchemaInfo entity) => Entities.Add(entity);

    public string Builtin(string name, JsonType type)
    {
        if (_names.TryAdd(name, name))
            Add(new SchemaInfo { Name = name, MetaType = SchemaMetaType.Builtin, Builtin = new SchemaInfoBuiltin { Type = type } });
        return name;
    }

    public string Array(string element)
    {
        var name = $"[{element}]";
        if (_names.TryAdd(name, name))
            Add(new SchemaInfo { Name = name, MetaType = SchemaMetaType.Array, Array = new SchemaInfoArray { ElementType = element } });
        return name;
    }

    public string Enum(EnumTable table)
    {
        if (_names.TryGetValue(table, out var known))
            return known;
        var name = _names[table] = NextNumber();
        Add(new SchemaInfo
        {
            Name = name,
            MetaType = SchemaMetaType.Enum,
            Enum = new SchemaInfoEnum
            {
                Members = [.. table.Values.Select(value => new SchemaInfoEnumMember { Name = value.Name, FeatureNames = value.Features.Names() })],
                Values = [.. table.Values.Select(value => value.Name)],
            },
        });
        return name;
    }

    public string Alternate(AlternateTable table, IReadOnlyList<string> types)
    {
        if (_names.TryGetValue(table, out var known))
            return known;
        var name = _names[table] = NextNumber();
        Add(new SchemaInfo
        {
            Name = name,
            MetaType = SchemaMetaType.Alternate,
            Alternate = new SchemaInfoAlternate { Members = [.. types.Select(type => new SchemaInfoAlternateMember { Type = type })] },
        });
        return name;
    }

    public string Struct(Type type, Action<SchemaInfoObject> describe)
    {
        if (_names.TryGetValue(type, out var known))
            return known;
        var name = _names[type] = NextNumber();
        var entity = new SchemaInfo { Name = name, MetaType = SchemaMetaType.Object };
        Add(entity);
        describe(entity.Object);
        return name;
    }

    private string NextNumber() => (_numbered++).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
