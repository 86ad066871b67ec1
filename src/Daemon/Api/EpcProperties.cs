using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The properties of memory-backend-epc, which no host has here: it is in the schema and nowhere else, as in QEMU without SGX.</summary>
internal sealed class EpcProperties : MemoryBackendProperties, IQapiType
{
    public static new string TypeName => "MemoryBackendEpcProperties";
}
