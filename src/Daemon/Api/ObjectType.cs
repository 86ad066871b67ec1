namespace Hostmemd.Api;

internal enum ObjectType
{
    Iothread,
    MemoryBackendEpc,
    MemoryBackendFile,
    MemoryBackendGuestMemfd,
    MemoryBackendMemfd,
    MemoryBackendRam,
    MemoryBackendShm,
    ThreadContext,
}
