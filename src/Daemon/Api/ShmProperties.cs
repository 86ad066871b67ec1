using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The properties of memory-backend-shm: those that all have.</summary>
internal sealed class ShmProperties : MemoryBackendProperties, IQapiType
{
    public static new string TypeName => "MemoryBackendShmProperties";
}
