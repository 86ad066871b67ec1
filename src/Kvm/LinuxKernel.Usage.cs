using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    private const uint PagemapScan = 0xc0606610; // _IOWR('f', 16, struct pm_scan_arg)
    private const PageCategories Wanted = PageCategories.Present | PageCategories.Swapped;

    public FileCacheStatus Cachestat(SafeHandle file, ulong offset, ulong length)
    {
        var range = stackalloc ulong[2] { offset, length };
        // struct cachestat: cached, dirty, in writeback, evicted, recently evicted.
        var status = stackalloc ulong[5];
        // SAFETY: both are as long as the kernel's structures, on this stack frame.
        Check("cachestat", Syscall.Cachestat(file, range, status));
        return new FileCacheStatus(status[0], status[3]);
    }

    public void Mincore(HostAddress address, ulong length, Span<byte> pages)
    {
        if ((ulong)pages.Length < (length + MappedMemory.PageSize - 1) / MappedMemory.PageSize)
            throw new ArgumentException("a byte a page is needed", nameof(pages));
        fixed (byte* target = pages)
        {
            // SAFETY: a byte for each page of the range; the address is only looked up.
            Check("mincore", Syscall.Result(Libc.mincore(address.Value, length, target)));
        }
    }

    public int ScanPages(
        SafeHandle pagemap, HostAddress start, ulong length, PageCategories also, Span<PageRegion> regions, out HostAddress scanned)
    {
        fixed (PageRegion* target = regions)
        {
            Libc.PagemapScanArgument argument = new()
            {
                Size = (ulong)sizeof(Libc.PagemapScanArgument),
                Start = start.Value,
                End = checked(start.Value + length),
                Regions = (ulong)target,
                RegionCount = (ulong)regions.Length,
                AnyOf = (ulong)Wanted,
                Returned = (ulong)(Wanted | also),
            };
            // SAFETY: the kernel writes at most RegionCount regions into the pinned span.
            var at = &argument;
            var count = Check("ioctl(PAGEMAP_SCAN)", Uninterrupted(() => Syscall.Ioctl(pagemap, PagemapScan, at)));
            scanned = new HostAddress(argument.WalkEnd);
            return (int)count;
        }
    }

    public void QueryPageNodes(ReadOnlySpan<ulong> addresses, Span<int> nodes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(nodes.Length, addresses.Length);
        fixed (ulong* pages = addresses)
        fixed (int* status = nodes)
        {
            // SAFETY: both arrays have a place for each page; the addresses are only looked up.
            Check("move_pages", Syscall.QueryPageNodes((ulong)addresses.Length, pages, status));
        }
    }

    public FileStatus Stat(string path)
    {
        Tmds.Linux.stat status = default;
        fixed (byte* start = Terminated(path, "stat"))
        {
            // SAFETY: Terminated ends the name with a zero byte; the kernel fills exactly this structure.
            Check("stat", Syscall.Stat(start, &status));
        }
        return StatusOf(status);
    }

    public string ReadLink(string path)
    {
        var target = stackalloc byte[LinkBufferSize];
        fixed (byte* start = Terminated(path, "readlink"))
        {
            // SAFETY: the kernel writes at most the size it is given and says how much.
            return Encoding.UTF8.GetString(target, (int)Check("readlink", Syscall.Readlink(start, target, LinkBufferSize)));
        }
    }

    public int ReadDirectory(SafeHandle directory, Span<byte> buffer)
    {
        fixed (byte* target = buffer)
        {
            // SAFETY: pinned during the call, and the length is the span's.
            return (int)Check("getdents64", Syscall.Getdents64(directory, target, buffer.Length));
        }
    }

    private static FileStatus StatusOf(in Tmds.Linux.stat status) => new(
        (ulong)(long)status.st_size,
        (uint)status.st_mode,
        (ulong)status.st_dev,
        (ulong)status.st_ino,
        (ulong)(long)status.st_blksize,
        (ulong)(long)status.st_blocks)
    {
        User = (uint)status.st_uid,
    };
}
