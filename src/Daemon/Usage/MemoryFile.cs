using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Objects.Allocation;

namespace Hostmemd.Usage;

/// <summary>The file that memory is mapped from: what it is, and how it is known again.</summary>
/// <param name="Device">st_dev; with <paramref name="Inode"/> the file's identity on this host.</param>
/// <param name="Link">What /proc shows for a descriptor of it.</param>
/// <param name="PageSize">Bytes.</param>
internal sealed record MemoryFile(MemoryFdType Type, ulong Device, ulong Inode, string Link, ulong PageSize)
{
    private const long TmpFs = 0x01021994;
    private const string MemfdLink = "/memfd:";
    private const string Deleted = " (deleted)";

    /// <summary>The last component of <see cref="Link"/>: the way to it differs between mount namespaces.</summary>
    public string Name { get; } = NameIn(Link).ToString();

    /// <summary>The last component of what /proc shows for a descriptor.</summary>
    public static ReadOnlySpan<char> NameIn(string link)
    {
        var path = link.EndsWith(Deleted, StringComparison.Ordinal) ? link.AsSpan(..^Deleted.Length) : link;
        return path[(path.LastIndexOf('/') + 1)..];
    }

    /// <summary>Looks at a descriptor; nothing of it is opened again.</summary>
    /// <exception cref="KernelException">As the calls give it.</exception>
    /// <exception cref="ObjectDisposedException">It was closed meanwhile.</exception>
    public static MemoryFile Of(IKernel kernel, SafeHandle file)
    {
        var link = kernel.ReadLink(file);
        var fileSystem = kernel.Fstatfs(file);
        var status = kernel.Fstat(file);
        return new MemoryFile(
            TypeOf(file, link, fileSystem), status.Device, status.Inode, link, fileSystem.IsHugeTlb ? fileSystem.BlockSize : MappedMemory.PageSize);
    }

    /// <summary>The same of a backend's file, which is looked at once where it has no name that could be another's later.</summary>
    /// <inheritdoc cref="Of(IKernel, SafeHandle)"/>
    public static MemoryFile Of(IKernel kernel, BackingFile file)
    {
        ObjectDisposedException.ThrowIf(file.Handle.IsClosed, file.Handle);
        if (file.Known is { } known)
            return known;
        var found = Of(kernel, file.Handle);
        if (found.Type is MemoryFdType.GuestMemfd or MemoryFdType.Memfd
            || (found.Type == MemoryFdType.Hugetlb && found.Link.StartsWith(MemfdLink, StringComparison.Ordinal)))
            file.Known = found;
        return found;
    }

    private static MemoryFdType TypeOf(SafeHandle file, string link, FileSystemStatus fileSystem)
    {
        if (file is GuestMemfd)
            return MemoryFdType.GuestMemfd;
        if (fileSystem.IsHugeTlb)
            return MemoryFdType.Hugetlb;
        if (fileSystem.Type != TmpFs)
            return MemoryFdType.File;
        // A memfd has no path, so the kernel always shows it as deleted.
        if (link.StartsWith(MemfdLink, StringComparison.Ordinal) && link.EndsWith(Deleted, StringComparison.Ordinal))
            return MemoryFdType.Memfd;
        return ShmAllocation.IsName(NameIn(link)) ? MemoryFdType.Shm : MemoryFdType.File;
    }
}
