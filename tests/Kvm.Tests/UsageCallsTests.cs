using System.Text;
using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>The calls that count memory, on the real kernel: each against memory of which the answer is known.</summary>
public sealed class UsageCallsTests : IDisposable
{
    private const ulong Page = MappedMemory.PageSize;
    private const ulong Size = 64 * Page;

    private readonly LinuxKernel _kernel = new();
    private readonly Memfd _file;
    private readonly MappedMemory _memory;

    public UsageCallsTests()
    {
        _file = _kernel.MemfdCreate("counted", MemfdFlags.None);
        _kernel.Ftruncate(_file, Size);
        _memory = MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = _file, Shared = true });
    }

    public void Dispose()
    {
        _memory.Dispose();
        _file.Dispose();
    }

    [Fact]
    public void Cachestat_counts_the_pages_of_the_range()
    {
        Assert.Equal(new FileCacheStatus(0, 0), _kernel.Cachestat(_file, 0, Size));
        _memory.Write(0, "a"u8);
        _memory.Write(5 * Page, "a"u8);
        Assert.Equal(new FileCacheStatus(2, 0), _kernel.Cachestat(_file, 0, Size));
        Assert.Equal(new FileCacheStatus(1, 0), _kernel.Cachestat(_file, Page, Size - Page));
    }

    [Fact]
    public void Mincore_marks_the_pages_that_are_there()
    {
        _memory.Write(3 * Page, "a"u8);
        var pages = new byte[64];
        _kernel.Mincore(_memory.Address, Size, pages);
        Assert.Equal([3], pages.Index().Where(page => (page.Item & 1) == 1).Select(page => page.Index));
        Assert.Throws<ArgumentException>(() => _kernel.Mincore(_memory.Address, Size, new byte[63]));
    }

    [Fact]
    public void A_scan_gives_regions_and_goes_on_where_there_was_no_room()
    {
        for (ulong page = 1; page < 8; page += 2)
            _memory.Write(page * Page, "a"u8);
        using var pagemap = _kernel.Open("/proc/self/pagemap", 0, 0);
        var regions = new PageRegion[3];

        var found = _kernel.ScanPages(pagemap, _memory.Address, Size, PageCategories.File | PageCategories.Zero, regions, out var scanned);
        Assert.Equal([1UL, 3UL, 5UL], regions.Take(found).Select(PageNumber));
        Assert.All(regions, region => Assert.Equal((Page, PageCategories.Present | PageCategories.File), (region.Size, region.Categories)));
        Assert.InRange(scanned.Value, _memory.Address.Value + (6 * Page), _memory.Address.Value + (7 * Page));

        found = _kernel.ScanPages(pagemap, scanned, Size - (scanned.Value - _memory.Address.Value), PageCategories.None, regions, out scanned);
        Assert.Equal([(7UL, PageCategories.Present)], regions.Take(found).Select(region => (PageNumber(region), region.Categories)));
        Assert.Equal(_memory.Address.Add(Size), scanned);
    }

    [Fact]
    public void A_private_page_is_of_no_file_and_one_that_was_only_read_is_of_zeros()
    {
        using var memory = MappedMemory.Create(_kernel, new MappingOptions { Size = Size });
        memory.Write(0, "a"u8);
        memory.Read(10 * Page, new byte[1]);
        using var pagemap = _kernel.Open("/proc/self/pagemap", 0, 0);
        var regions = new PageRegion[8];

        var found = _kernel.ScanPages(pagemap, memory.Address, Size, PageCategories.File | PageCategories.Zero, regions, out _);

        Assert.Equal(
            [(0UL, PageCategories.Present), (10UL, PageCategories.Present | PageCategories.Zero)],
            regions.Take(found).Select(region => ((region.Start - memory.Address.Value) / Page, region.Categories)));
    }

    [Fact]
    public void Each_page_has_its_node_and_one_that_is_not_there_an_errno()
    {
        _memory.Write(0, "a"u8);
        var nodes = new int[2];
        _kernel.QueryPageNodes([_memory.Address.Value, _memory.Address.Value + Page], nodes);
        Assert.True(Directory.Exists($"/sys/devices/system/node/node{nodes[0]}"), $"node {nodes[0]}");
        Assert.Equal(-Errno.ENOENT, nodes[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => _kernel.QueryPageNodes([1, 2], new int[1]));
    }

    [Fact]
    public void A_descriptor_in_proc_is_asked_without_being_opened()
    {
        var path = $"/proc/self/fd/{_file.Number}";
        Assert.Equal("/memfd:counted (deleted)", _kernel.ReadLink(path));
        Assert.Equal(_kernel.Fstat(_file), _kernel.Stat(path));
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => _kernel.Stat("/proc/self/fd/1000000")).Errno);
    }

    [Fact]
    public void A_directory_is_read_in_pieces_to_its_end()
    {
        using var directory = _kernel.Open("/proc/self/fd", 0, 0);
        var buffer = new byte[64];
        var all = new StringBuilder();
        while (_kernel.ReadDirectory(directory, buffer) is var length and > 0)
            all.Append(Encoding.ASCII.GetString(buffer, 0, length));
        Assert.Contains($"{_file.Number}\0", all.ToString(), StringComparison.Ordinal);
        using var file = _kernel.Open("/proc/self/stat", 0, 0);
        Assert.Equal(Errno.ENOTDIR, Assert.Throws<KernelException>(() => _kernel.ReadDirectory(file, buffer)).Errno);
    }

    private ulong PageNumber(PageRegion region) => (region.Start - _memory.Address.Value) / Page;
}
