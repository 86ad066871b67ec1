using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects;

/// <summary>An object as the QOM tree shows it, of one moment.</summary>
internal abstract class QomNode(string path, string typeName)
{
    /// <summary>A property that every object has, containers too: nothing in one can be called so.</summary>
    public const string TypeProperty = "type";

    /// <summary>Absolute; "/" for the root.</summary>
    public string Path { get; } = path;

    public string TypeName { get; } = typeName;

    /// <summary>Its properties but for type and children, in the order they are listed.</summary>
    public virtual IEnumerable<QomProperty> Properties => [];

    public virtual IEnumerable<QomNode> Children => [];

    public string Name => LastComponent.ToString();

    private ReadOnlySpan<char> LastComponent => Path.AsSpan(Path.LastIndexOf('/') + 1);

    /// <summary>All that qom-list shows: the type, the properties, the children.</summary>
    public IEnumerable<QomProperty> AllProperties =>
        Properties
            .Prepend(new QomProperty(TypeProperty, "string", () => new JsonString(TypeName)))
            .Concat(Children.Select(child => new QomProperty(child.Name, $"child<{child.TypeName}>", () => new JsonString(child.Path))));

    /// <summary>The children that can have something of that name below them; not all of them where there can be many.</summary>
    public virtual IEnumerable<QomNode> Holders(string name) => Children;

    /// <summary>The child of that name, without listing them all where there can be many.</summary>
    public virtual QomNode? Child(string name) => Children.FirstOrDefault(child => child.LastComponent.SequenceEqual(name));
}
