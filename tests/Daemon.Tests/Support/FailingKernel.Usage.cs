using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Hostmemd.Daemon.Tests.Support;

internal sealed partial class FailingKernel
{
    public FileCacheStatus Cachestat(SafeHandle file, ulong offset, ulong length) => Next().Cachestat(file, offset, length);

    public void Mincore(HostAddress address, ulong length, Span<byte> pages) => Next().Mincore(address, length, pages);

    public int ScanPages(SafeHandle pagemap, HostAddress start, ulong length, PageCategories also, Span<PageRegion> regions, out HostAddress scanned) =>
        Next().ScanPages(pagemap, start, length, also, regions, out scanned);

    public void QueryPageNodes(ReadOnlySpan<ulong> addresses, Span<int> nodes) => Next().QueryPageNodes(addresses, nodes);

    public FileStatus Stat(string path) => Next().Stat(path);

    /// <summary>Every link that was read: a path, or nothing for an open file's.</summary>
    public ConcurrentQueue<string> Links { get; } = [];

    public string ReadLink(string path)
    {
        Links.Enqueue(path);
        return Next().ReadLink(path);
    }

    public string ReadLink(SafeHandle file)
    {
        Links.Enqueue("");
        return Next().ReadLink(file);
    }

    public int ReadDirectory(SafeHandle directory, Span<byte> buffer) => Next().ReadDirectory(directory, buffer);
}
