using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Objects.Allocation;
using Hostmemd.Protocol.Schema;
using Hostmemd.Usage;

namespace Hostmemd.Keeping;

/// <summary>What the file behind a backend's memory was: a descriptor that is to be taken for it must be the same.</summary>
internal sealed class KeptFile : IQapiType
{
    internal MemoryFdType Type;
    internal ulong Device;
    internal ulong Inode;
    internal ulong Size;
    internal ulong Offset;
    internal uint Seals;
    internal string Link = "";

    public static string TypeName => "KeptFile";

    /// <exception cref="KernelException">The kernel does not tell.</exception>
    public static KeptFile Of(IKernel kernel, BackingFile file) => Of(kernel, file.Handle, MemoryFile.Of(kernel, file), file.Offset);

    /// <param name="offset">Where in the file the memory begins, bytes.</param>
    /// <inheritdoc cref="Of(IKernel, BackingFile)"/>
    public static KeptFile Of(IKernel kernel, SafeHandle file, ulong offset) => Of(kernel, file, MemoryFile.Of(kernel, file), offset);

    /// <summary>What a descriptor has otherwise; null: it is this file. A file on disk may have grown.</summary>
    public string? Difference(KeptFile found) =>
        found.Type != Type ? $"it is of type {MemoryBackendFd.FdTypes.NameOf(found.Type)}"
        : (found.Device, found.Inode) != (Device, Inode) ? "it is another file"
        : Type == MemoryFdType.File ? (found.Size < Size ? $"it has {found.Size} bytes" : null)
        : found.Size != Size ? $"it has {found.Size} bytes"
        : found.Seals != Seals ? "it has other seals"
        : !IsNamed(found.Link) ? $"it is '{found.Link}'"
        : null;

    /// <summary>Whether that is what /proc shows for a descriptor of it. The way to it depends on mounts, which may have gone with a process.</summary>
    public bool IsNamed(string link) => Link.Length == 0 || MemoryFile.NameIn(link).SequenceEqual(MemoryFile.NameIn(Link));

    public void Visit(Visitor v)
    {
        v.Enum("type", ref Type, MemoryBackendFd.FdTypes, "what kind of file");
        v.Required("device", ref Device, "st_dev");
        v.Required("inode", ref Inode, "st_ino");
        v.Required("size", ref Size, "bytes of the file");
        v.Required("offset", ref Offset, "where in the file the memory begins");
        v.Required("seals", ref Seals, "F_GET_SEALS");
        v.Required("link", ref Link, "what /proc calls it; empty for a file with a path");
    }

    private static KeptFile Of(IKernel kernel, SafeHandle file, MemoryFile known, ulong offset) => new()
    {
        Type = known.Type,
        Device = known.Device,
        Inode = known.Inode,
        Size = kernel.Fstat(file).Size,
        Offset = offset,
        Seals = (uint)SealsOf(kernel, file, known.Type),
        // A file can be renamed while it is open.
        Link = known.Type == MemoryFdType.File ? "" : known.Link,
    };

    /// <summary>Files other than memfds and those of tmpfs and hugetlbfs know no seals.</summary>
    private static FileSeals SealsOf(IKernel kernel, SafeHandle file, MemoryFdType type)
    {
        try
        {
            return type == MemoryFdType.GuestMemfd ? FileSeals.None : kernel.GetSeals(file);
        }
        catch (KernelException e) when (e.Errno == Errno.EINVAL)
        {
            return FileSeals.None;
        }
    }
}
