using Hostmemd.Protocol.Schema;

namespace Hostmemd.Cpr;

/// <summary>A descriptor that a client left to the guest: by name with getfd, in a set with add-fd.</summary>
internal sealed class HandedDescriptor : IQapiType
{
    internal string? Name;
    internal long? Set;
    internal string? Opaque;
    internal uint Fd;

    public static string TypeName => "HandedDescriptor";

    public void Visit(Visitor v)
    {
        v.Optional("name", ref Name, "of getfd");
        v.Optional("set", ref Set, "of add-fd");
        v.Optional("opaque", ref Opaque, "of add-fd");
        v.Required("fd", ref Fd, "the descriptor");
    }
}
