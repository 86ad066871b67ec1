using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class PmemsaveArguments : IQapiType
{
    internal long Val;
    internal long Size;
    internal string Filename = "";

    public static string TypeName => "PmemsaveArguments";

    public void Visit(Visitor v)
    {
        v.Required("val", ref Val, "guest physical address to begin at; a negative number is one of the upper half");
        v.Required("size", ref Size, "bytes to save");
        v.Required("filename", ref Filename, "file to write, made anew");
    }
}
