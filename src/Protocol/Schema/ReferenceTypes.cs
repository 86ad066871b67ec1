using System.Text;

namespace Hostmemd.Protocol.Schema;

/// <summary>The types that the reference manual has come across, each once.</summary>
internal sealed class ReferenceTypes
{
    private readonly List<(string Name, Func<string> Describe)> _types = [];
    private readonly HashSet<object> _known = [];

    public string Struct<T>()
        where T : class, IQapiType, new()
    {
        if (typeof(T) == typeof(Nothing))
            return "no members";
        if (_known.Add(typeof(T)))
            _types.Add((T.TypeName, () => Describe("Member", v => new T().Visit(v))));
        return Link(T.TypeName);
    }

    public string Enum(EnumTable table)
    {
        if (_known.Add(table))
            _types.Add((table.TypeName, () =>
                $"One of {string.Join(", ", table.Values.Select(value => $"`{value.Name}`{Marks(value.Features)}"))}.\n"));
        return Link(table.TypeName);
    }

    /// <summary>The table of what is visited.</summary>
    public string Describe(string title, Action<Visitor> visit)
    {
        var visitor = new DocumentationVisitor(this);
        visit(visitor);
        return visitor.Table(title);
    }

    public void AppendAll(StringBuilder text)
    {
        // Describing a type may find further ones: they join the end of the list.
        for (var i = 0; i < _types.Count; i++)
            text.Append($"\n### {_types[i].Name}\n\n{_types[i].Describe()}");
    }

    public static string Marks(Features features) => features.Names() is { } names ? $" ({string.Join(", ", names)})" : "";

    private static string Link(string typeName) => $"[{typeName}](#{typeName.ToLowerInvariant()})";
}
