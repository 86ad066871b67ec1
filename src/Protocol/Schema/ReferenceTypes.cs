using System.Text;

namespace Hostmemd.Protocol.Schema;

/// <summary>The types that the reference manual has come across, each once.</summary>
/// <param name="since">As <see cref="ReferenceManual.Write"/> has it.</param>
internal sealed class ReferenceTypes(Func<string, string> since)
{
    private readonly List<(string Name, Func<string> Describe)> _types = [];
    private readonly HashSet<object> _known = [];

    public string Struct<T>()
        where T : class, IQapiType, new()
    {
        if (typeof(T) == typeof(Nothing))
            return "no members";
        if (_known.Add(typeof(T)))
            _types.Add((T.TypeName, () => Describe("Member", T.TypeName, v => new T().Visit(v))));
        return Link(T.TypeName);
    }

    public string Enum(EnumTable table)
    {
        if (_known.Add(table))
            _types.Add((table.TypeName, () =>
                $"One of {string.Join(", ", table.Values.Select(value => $"`{value.Name}`{Marks(value.Features)}{Later(table.TypeName, value.Name)}"))}.\n"));
        return Link(table.TypeName);
    }

    /// <summary>The table of what is visited.</summary>
    public string Describe(string title, string owner, Action<Visitor> visit)
    {
        var visitor = new DocumentationVisitor(this, owner);
        visit(visitor);
        return visitor.Table(title);
    }

    public void AppendAll(StringBuilder text)
    {
        // Describing a type may find further ones: they join the end of the list.
        for (var i = 0; i < _types.Count; i++)
            text.Append($"\n### {_types[i].Name}\n\n*since {since(_types[i].Name)}*\n\n{_types[i].Describe()}");
    }

    /// <summary>The version that had a member first.</summary>
    public string Since(string owner, string member) => since($"{owner}.{member}");

    public static string Marks(Features features) => features.Names() is { } names ? $" ({string.Join(", ", names)})" : "";

    /// <summary>A value that came after its type.</summary>
    private string Later(string owner, string value) => Since(owner, value) is var version && version != since(owner) ? $" (since {version})" : "";

    private static string Link(string typeName) => $"[{typeName}](#{typeName.ToLowerInvariant()})";
}
