using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryFailureFlags : IQapiType
{
    internal bool ActionRequired;
    internal bool Recursive;

    public static string TypeName => "MemoryFailureFlags";

    public void Visit(Visitor v)
    {
        v.Required("action-required", ref ActionRequired, "whoever met the page cannot go on; never here");
        v.Required("recursive", ref Recursive, "met while another was handled; never here");
    }
}
