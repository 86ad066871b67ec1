namespace Hostmemd.Kvm;

/// <summary>What fstat says, as far as it is used here.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Mode">Type and permissions, st_mode.</param>
/// <param name="Device">st_dev; with <paramref name="Inode"/> the identity of the file.</param>
/// <param name="Inode">st_ino.</param>
/// <param name="BlockSize">st_blksize.</param>
/// <param name="Blocks">Allocated units of 512 bytes; stays 0 for a guest_memfd.</param>
public readonly record struct FileStatus(ulong Size, uint Mode, ulong Device, ulong Inode, ulong BlockSize, ulong Blocks)
{
    /// <summary>Whose it is, st_uid.</summary>
    public uint User { get; init; }
}
