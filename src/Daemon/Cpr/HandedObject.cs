using Hostmemd.Keeping;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Cpr;

/// <summary>An object, as a record would have it, and the descriptor of its memory.</summary>
internal sealed class HandedObject : IQapiType
{
    internal KeptObject Kept = new();
    internal uint? Fd;

    public static string TypeName => "HandedObject";

    public void Visit(Visitor v)
    {
        v.Struct("kept", ref Kept, "the object");
        v.Optional("fd", ref Fd, "its memory");
    }
}
