using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class ChardevInfo : IQapiType
{
    internal string Label = "";
    internal string Filename = "";
    internal bool FrontendOpen;

    public static string TypeName => "ChardevInfo";

    public void Visit(Visitor v)
    {
        v.Required("label", ref Label, "the id that -chardev gave it, or compat_monitorN for a -qmp");
        v.Required("filename", ref Filename, "where it listens, as an option's argument; disconnected: before it while it has no client");
        v.Required("frontend-open", ref FrontendOpen, "something in the daemon serves it");
    }
}
