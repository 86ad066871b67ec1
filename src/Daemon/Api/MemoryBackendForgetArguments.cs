using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryBackendForgetArguments : IQapiType
{
    internal string Memdev = "";

    public static string TypeName => "MemoryBackendForgetArguments";

    public void Visit(Visitor v) => v.Required("memdev", ref Memdev, "the backend's id or QOM path");
}
