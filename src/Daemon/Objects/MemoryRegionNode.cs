using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects;

/// <summary>The memory region of a backend.</summary>
internal sealed class MemoryRegionNode(string path, ulong size) : QomNode(path, "memory-region")
{
    public override IEnumerable<QomProperty> Properties =>
    [
        new("container", "link<memory-region>", () => new JsonString("")),
        new("addr", "uint64", () => JsonNumber.Of(0)),
        new("size", "uint64", () => JsonNumber.Of(size)),
        new("priority", "uint32", () => JsonNumber.Of(0)),
    ];
}
