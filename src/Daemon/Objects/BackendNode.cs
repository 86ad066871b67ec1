using Hostmemd.Guests;

namespace Hostmemd.Objects;

/// <summary>A memory backend under /objects.</summary>
internal sealed class BackendNode(PublishedBackend published) : QomNode(published.Backend.QomPath, published.Backend.TypeName)
{
    public PublishedBackend Published { get; } = published;

    public override IEnumerable<QomProperty> Properties => QomPropertyVisitor.PropertiesOf(Published.Properties);

    /// <summary>The memory region inside it, which QEMU names after the backend.</summary>
    public override IEnumerable<QomNode> Children => [new MemoryRegionNode($"{Path}/{Published.Backend.Id}[0]", Published.Properties.Size)];
}
