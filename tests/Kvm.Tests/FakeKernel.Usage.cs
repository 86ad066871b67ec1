using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Tests;

public sealed partial class FakeKernel
{
    public FileCacheStatus Cachestat(SafeHandle file, ulong offset, ulong length) => Enter(nameof(Cachestat), () =>
        new FileCacheStatus((ulong)FileOf(file, "cachestat").Pages.Keys.Count(page => page * MappedMemory.PageSize - offset < length), 0));

    public void Mincore(HostAddress address, ulong length, Span<byte> pages)
    {
        var found = new byte[length / MappedMemory.PageSize];
        Enter(nameof(Mincore), () =>
        {
            for (ulong at = 0; at < length; at += MappedMemory.PageSize)
            {
                var (start, mapping) = MappingAt(address.Value + at) ?? throw new KernelException("mincore", Errno.ENOMEM);
                var page = (mapping.Offset + (address.Value + at - start)) / MappedMemory.PageSize;
                found[at / MappedMemory.PageSize] = mapping.Backing.Pages.ContainsKey(page) ? (byte)1 : (byte)0;
            }
            return true;
        });
        found.CopyTo(pages);
    }

    public int ScanPages(SafeHandle pagemap, HostAddress start, ulong length, PageCategories also, Span<PageRegion> regions, out HostAddress scanned) =>
        throw new KernelException("ioctl(PAGEMAP_SCAN)", Errno.ENOTTY);

    public void QueryPageNodes(ReadOnlySpan<ulong> addresses, Span<int> nodes)
    {
        nodes.Clear();
        Enter(nameof(QueryPageNodes), () => true);
    }

    /// <summary>What the directory of descriptors says is open; null: there is no such directory.</summary>
    public ulong? DescriptorsInUse { get; set; }

    public FileStatus Stat(string path) => path == "/proc/self/fd" && DescriptorsInUse is { } open
        ? new FileStatus(open, 0, 0, 0, 0, 0)
        : throw new KernelException("stat", Errno.ENOENT);

    public string ReadLink(string path) => throw new KernelException("readlink", Errno.ENOENT);

    public int ReadDirectory(SafeHandle directory, Span<byte> buffer) => 0;
}
