using Hostmemd.Protocol.Schema;

namespace Hostmemd.Cpr;

/// <summary>Descriptors that came with one message of a client.</summary>
internal sealed class HandedArrival : IQapiType
{
    internal ulong From;
    internal List<uint> Fds = [];

    public static string TypeName => "HandedArrival";

    public void Visit(Visitor v)
    {
        v.Required("from", ref From, "bytes of the input before them");
        v.List("fds", ref Fds, Shapes.UInt32, "the descriptors");
    }
}
