using Hostmemd.Guests;

namespace Hostmemd.Objects;

/// <summary>A memory backend under /objects.</summary>
internal sealed class BackendNode(PublishedBackend published) : QomNode(published.Backend.QomPath, published.Backend.TypeName)
{
    public PublishedBackend Published { get; } = published;

    public override IEnumerable<QomProperty> Properties => QomPropertyVisitor.PropertiesOf(Published.Properties);

    /// <summary>The memory region inside it, which QEMU names after the memory; in a name a '/' is written as \x2f.</summary>
    public override IEnumerable<QomNode> Children =>
        [new MemoryRegionNode($"{Path}/{Published.Backend.MemoryName.Replace("/", "\\x2f", StringComparison.Ordinal)}[0]", Published.Properties.Size)];
}
