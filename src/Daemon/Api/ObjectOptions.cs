using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The arguments of object-add.</summary>
internal sealed class ObjectOptions : IQapiType
{
    public static readonly EnumTable<ObjectType> Types = new(
        "ObjectType",
        (ObjectType.MemoryBackendMemfd, "memory-backend-memfd"),
        (ObjectType.MemoryBackendRam, "memory-backend-ram"));

    internal ObjectType QomType;
    internal string Id = "";
    internal MemfdProperties Memfd = new();
    internal MemoryBackendProperties Ram = new();

    public static string TypeName => "ObjectOptions";

    public void Visit(Visitor v)
    {
        v.Enum("qom-type", ref QomType, Types, "what kind of object");
        v.Required("id", ref Id, "its id: a letter, then letters, digits, '-', '.', '_'");
        v.Branch("qom-type", "memory-backend-memfd", QomType == ObjectType.MemoryBackendMemfd, ref Memfd);
        v.Branch("qom-type", "memory-backend-ram", QomType == ObjectType.MemoryBackendRam, ref Ram);
    }
}
