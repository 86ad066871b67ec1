using Hostmemd.Api;
using Hostmemd.Daemon.Tests.Lending;
using Hostmemd.Keeping;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>The record as a file: what a crash in the middle, another boot, somebody else's file and a second daemon do to it.</summary>
public sealed class KeepRecordTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
    private readonly LinuxKernel _kernel = new();

    private KeepPaths Paths => new(_directory + "/qmp");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_last_line_of_an_object_counts_and_a_line_without_its_end_does_not()
    {
        using (var record = KeepRecord.TryOpen(_kernel, Paths)!)
        {
            record.Rewrite([Kept("a", 1), Kept("b", 1)], []);
            record.Append(new RecordLine { Put = Kept("a", 7) });
            record.Append(new RecordLine { Delete = "b" });
            record.Append(new RecordLine { Put = Kept("c", 1) });
        }
        var whole = File.ReadAllBytes(Paths.Record);
        var lastLine = whole.AsSpan(0, whole.Length - 1).LastIndexOf((byte)'\n') + 1;
        for (var length = lastLine; length < whole.Length; length++)
        {
            File.WriteAllBytes(Paths.Record, whole[..length]);
            using var torn = KeepRecord.TryOpen(_kernel, Paths)!;
            var kept = Assert.Single(torn.Read().Objects);
            Assert.Equal(("a", 7u), (kept.Options.Id, kept.Options.Memfd.PreallocThreads));
        }
    }

    [Fact]
    public void It_is_locked_for_as_long_as_it_is_open_whatever_becomes_of_its_file()
    {
        using (var record = KeepRecord.TryOpen(_kernel, Paths)!)
        {
            Assert.Null(KeepRecord.TryOpen(_kernel, Paths));
            record.Rewrite([Kept("a", 1)], []);
            Assert.Null(KeepRecord.TryOpen(_kernel, Paths));
        }
        using var next = KeepRecord.TryOpen(_kernel, Paths)!;
        Assert.Single(next.Read().Objects);
        next.Remove();
        Assert.False(File.Exists(Paths.Record));
    }

    [Fact]
    public void Of_another_boot_it_has_nothing()
    {
        using (var record = KeepRecord.TryOpen(_kernel, Paths)!)
            record.Rewrite([Kept("a", 1)], []);
        var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").TrimEnd();
        File.WriteAllText(Paths.Record, File.ReadAllText(Paths.Record).Replace(boot, Guid.NewGuid().ToString(), StringComparison.Ordinal));
        using var next = KeepRecord.TryOpen(_kernel, Paths)!;
        Assert.Empty(next.Read().Objects);
    }

    [Theory]
    [InlineData("nonsense\n", "qmp.keep, line 1: ")]
    [InlineData("{\"hostmemd-record\": 99}\n", "not a record of this program's layout 1")]
    [InlineData("{\"put\": {}}\n", "qmp.keep, line 1: Parameter ")]
    public void What_is_no_record_is_refused_by_its_line(string text, string message)
    {
        File.WriteAllText(Paths.Record, text);
        using (var record = KeepRecord.TryOpen(_kernel, Paths)!)
            Assert.Contains(message, Assert.Throws<KeepException>(record.Read).Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(Paths.Record));
    }

    [Fact]
    public void A_link_is_not_followed()
    {
        File.CreateSymbolicLink(Paths.Record, _directory + "/elsewhere");
        Assert.Equal(Errno.ELOOP, Assert.Throws<KernelException>(() => KeepRecord.TryOpen(_kernel, Paths)).Errno);
        Assert.False(File.Exists(_directory + "/elsewhere"));
    }

    [RootFact]
    public void A_file_of_somebody_else_is_refused()
    {
        File.WriteAllText(Paths.Record, "");
        _kernel.Chown(Paths.Record, 12345, 12345);
        Assert.Equal(Errno.EACCES, Assert.Throws<KernelException>(() => KeepRecord.TryOpen(_kernel, Paths)).Errno);
    }

    [Fact]
    public void History_is_dropped_before_it_is_most_of_a_large_record()
    {
        using var record = KeepRecord.TryOpen(_kernel, Paths)!;
        record.Rewrite([Kept("a", 1)], []);
        var lines = 0;
        for (; !record.IsMostlyHistory; lines++)
            record.Append(new RecordLine { Put = Kept("a", (uint)lines) });
        Assert.InRange(new FileInfo(Paths.Record).Length, 1 << 20, 2 << 20);
        record.Rewrite([Kept("a", 5)], []);
        Assert.False(record.IsMostlyHistory);
        Assert.InRange(new FileInfo(Paths.Record).Length, 1, 4096);
        Assert.Equal(5u, Assert.Single(record.Read().Objects).Options.Memfd.PreallocThreads);
    }

    [Fact]
    public void What_is_written_while_a_copy_is_made_is_behind_what_was_there()
    {
        using var record = KeepRecord.TryOpen(_kernel, Paths)!;
        record.Rewrite([Kept("a", 1), Kept("b", 1)], []);
        using (var copy = record.BeginCopy([]))
        {
            record.Append(new RecordLine { Put = Kept("a", 2) });
            record.Append(new RecordLine { Delete = "b" });
            copy.Add(new RecordLine { Put = Kept("a", 1) });
            copy.Add(new RecordLine { Put = Kept("b", 1) });
            Assert.Equal(2u, Assert.Single(record.Read().Objects).Options.Memfd.PreallocThreads);
            Assert.True(record.TryFinish(copy));
            Assert.False(record.TryFinish(copy));
        }
        record.Append(new RecordLine { Put = Kept("c", 3) });
        Assert.Equal([("a", 2u), ("c", 3u)], record.Read().Objects.Select(kept => (kept.Options.Id, kept.Options.Memfd.PreallocThreads)));
        Assert.Null(KeepRecord.TryOpen(_kernel, Paths));
    }

    [Fact]
    public void A_copy_that_somebody_was_killed_over_is_in_nobodys_way()
    {
        using (var record = KeepRecord.TryOpen(_kernel, Paths)!)
        {
            record.Rewrite([Kept("a", 1)], []);
            using var copy = record.BeginCopy([]);
            copy.Add(new RecordLine { Put = Kept("b", 1) });
        }
        Assert.True(File.Exists(Paths.NewRecord));
        using var next = KeepRecord.TryOpen(_kernel, Paths)!;
        Assert.Equal("a", Assert.Single(next.Read().Objects).Options.Id);
        next.Rewrite([Kept("c", 1)], []);
        Assert.False(File.Exists(Paths.NewRecord));
        Assert.Equal("c", Assert.Single(next.Read().Objects).Options.Id);
    }

    [Fact]
    public void A_copy_that_is_dropped_leaves_nothing_and_the_next_one_counts()
    {
        using var record = KeepRecord.TryOpen(_kernel, Paths)!;
        record.Rewrite([Kept("a", 1)], []);
        using var dropped = record.BeginCopy([]);
        record.DropCopy();
        Assert.False(File.Exists(Paths.NewRecord));
        using var next = record.BeginCopy([]);
        Assert.Throws<ObjectDisposedException>(() =>
        {
            for (var i = 0; i < 1000; i++)
                dropped.Add(new RecordLine { Put = Kept("x", 1) });
        });
        Assert.False(record.TryFinish(dropped));
        next.Add(new RecordLine { Put = Kept("b", 1) });
        Assert.True(record.TryFinish(next));
        Assert.Equal("b", Assert.Single(record.Read().Objects).Options.Id);
    }

    private static KeptObject Kept(string id, uint threads) => new()
    {
        Options = new ObjectOptions { QomType = ObjectType.MemoryBackendMemfd, Id = id, Memfd = new MemfdProperties { Size = 4096, PreallocThreads = threads } },
    };
}
