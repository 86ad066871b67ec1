using Hostmemd.Kvm;
using Hostmemd.Objects;

namespace Hostmemd.Lending;

/// <summary>A stretch of guest memory as a vhost back end is told of it.</summary>
/// <param name="Gpa">Where the guest has it.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Offset">Where it begins in the backend's memory.</param>
internal sealed record VhostRegion(MemoryBackend Backend, GuestAddress Gpa, ulong Size, ulong Offset)
{
    /// <summary>Where it begins in the backend's file.</summary>
    public ulong FileOffset => checked(Backend.File!.Offset + Offset);
}
