using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryBackendSendFdArguments : IQapiType
{
    internal string Memdev = "";

    public static string TypeName => "MemoryBackendSendFdArguments";

    public void Visit(Visitor v) => v.Required("memdev", ref Memdev, "id or QOM path of the backend");
}
