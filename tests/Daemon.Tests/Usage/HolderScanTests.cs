using System.Text;
using Hostmemd.Api;
using Hostmemd.Usage;
using Xunit;

namespace Hostmemd.Daemon.Tests.Usage;

/// <summary>A made-up /proc: what a real one would not give on demand.</summary>
public sealed class HolderScanTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("hostmemd-proc-");
    private readonly LinuxKernel _kernel = new();
    private readonly string _file;
    private readonly MemoryFile _wanted;

    public HolderScanTests()
    {
        _file = Path.Combine(_root.FullName, "the memory");
        File.WriteAllText(_file, "x");
        var status = _kernel.Stat(_file);
        _wanted = new MemoryFile(MemoryFdType.Memfd, status.Device, status.Inode, _file, 4096);
    }

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void Descriptors_and_mappings_are_counted_by_process()
    {
        Make(10, "one", 100, [_file, _file, "/dev/null"], Map(_wanted.Device, _wanted.Inode) + Map(_wanted.Device, _wanted.Inode + 1));
        Make(11, "two", 200, ["/dev/null"], Map(_wanted.Device + 1, _wanted.Inode));
        Make(12, "odd ) 1 (name", 300, [], Map(_wanted.Device, _wanted.Inode));

        var (holders, complete) = Scan();

        Assert.True(complete);
        Assert.Equal(
            ["10 one 100 2 1 False", "12 odd ) 1 (name 300 0 1 True"],
            holders.Select(h => $"{h.Pid} {h.Comm} {h.StartTime} {h.Descriptors} {h.Mappings} {h.Self}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_process_that_cannot_be_read_makes_the_list_incomplete_and_the_others_are_still_read()
    {
        Make(10, "one", 100, [_file], "");
        // Not a directory, as EACCES cannot be had by root.
        Make(11, "two", 200, [], "");
        Directory.Delete(Path.Combine(_root.FullName, "11", "fd"));
        File.WriteAllText(Path.Combine(_root.FullName, "11", "fd"), "");

        var (holders, complete) = Scan();

        Assert.False(complete);
        Assert.Equal(10, Assert.Single(holders).Pid);
    }

    [Fact]
    public void A_process_that_is_passed_over_is_not_looked_at()
    {
        Make(10, "one", 100, [_file], "");
        Make(11, "two", 200, [_file], "");
        File.WriteAllText(Path.Combine(_root.FullName, "11", "maps"), Map(_wanted.Device, _wanted.Inode));
        Directory.Delete(Path.Combine(_root.FullName, "11", "fd"), recursive: true);
        File.WriteAllText(Path.Combine(_root.FullName, "11", "fd"), "");

        var (holders, complete) = Scan(11);

        Assert.True(complete);
        Assert.Equal(10, Assert.Single(holders).Pid);
    }

    [Fact]
    public void A_kernel_thread_has_nothing_and_is_not_looked_into()
    {
        const uint noFork = 0x40, kernelThread = 0x200000;
        Make(10, "one", 100, [_file], "", noFork);
        Make(11, "kworker/0:1", 200, [_file], Map(_wanted.Device, _wanted.Inode), noFork | kernelThread);

        Assert.Equal(10, Assert.Single(Scan().Holders).Pid);
    }

    [Fact]
    public void A_process_that_is_gone_before_it_is_read_makes_nothing_incomplete()
    {
        Make(10, "one", 100, [_file], "");
        Directory.CreateDirectory(Path.Combine(_root.FullName, "11"));
        Make(12, "three", 100, [Path.Combine(_root.FullName, "nowhere", "the memory")], "");

        var (holders, complete) = Scan();

        Assert.True(complete);
        Assert.Equal(10, Assert.Single(holders).Pid);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("7f00-7f01 rw-s 0\n")]
    [InlineData("7f00-7f01 rw-s 00000000 zz:01 5 /x\n")]
    [InlineData("7f00-7f01 rw-s 00000000 00:\n")]
    [InlineData("7f00-7f01 rw-s 00000000 00:01 99999999999999999999999 /x\n")]
    public void Lines_that_say_nothing_are_passed_over(string lines)
    {
        Make(10, "one", 100, [], lines + Map(_wanted.Device, _wanted.Inode));

        Assert.Equal(1u, Assert.Single(Scan().Holders).Mappings);
    }

    [Fact]
    public void Many_and_long_lines_cost_no_more_than_a_buffer_and_none_is_lost()
    {
        var maps = new StringBuilder();
        for (var i = 0; i < 3000; i++)
            maps.Append(Map(_wanted.Device, i % 3 == 0 ? _wanted.Inode : 1)[..^1]).Append(' ').Append('p', i % 200).Append('\n');
        maps.Append('q', 100_000).Append('\n').Append(Map(_wanted.Device, _wanted.Inode));
        Make(10, "one", 100, [], maps.ToString());

        Assert.Equal(1001u, Assert.Single(Scan().Holders).Mappings);
    }

    private static string Map(ulong device, ulong inode) =>
        $"7f2f08b000-7f2f08c000 rw-s 00000000 {(device >> 8) & 0xfff:x2}:{(device & 0xff) | ((device >> 12) & 0xffffff00):x2} {inode}      /a path\n";

    private (List<MemoryHolder> Holders, bool Complete) Scan(params int[] except)
    {
        var (files, complete) = HolderScan.Run(new ProcReader(_kernel, _root.FullName), self: 12, [_wanted], except);
        return (files[(_wanted.Device, _wanted.Inode)].Holders, complete);
    }

    private void Make(int pid, string comm, ulong startTime, string[] descriptors, string maps, uint flags = 0)
    {
        var process = Directory.CreateDirectory(Path.Combine(_root.FullName, $"{pid}"));
        var fields = string.Join(' ', Enumerable.Range(4, 18).Select(field => field == 9 ? flags : 0));
        File.WriteAllText(Path.Combine(process.FullName, "stat"), $"{pid} ({comm}) S {fields} {startTime} 0 0\n");
        File.WriteAllText(Path.Combine(process.FullName, "maps"), maps);
        var fds = process.CreateSubdirectory("fd");
        foreach (var (index, target) in descriptors.Index())
            File.CreateSymbolicLink(Path.Combine(fds.FullName, $"{index}"), target);
    }
}
