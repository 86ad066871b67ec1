namespace Hostmemd.Api;

internal enum ObjectType
{
    MemoryBackendMemfd,
    MemoryBackendRam,
}
