namespace Hostmemd.Api;

/// <summary>What a job does. QEMU's own are about block devices, which are not here.</summary>
internal enum JobType
{
    MemoryPrealloc,
}
