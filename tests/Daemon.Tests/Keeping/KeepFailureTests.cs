using Hostmemd.Guests;
using Hostmemd.Keeping;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>Each kernel call of an operation fails in turn: afterwards the record says what the guest has, or nothing.</summary>
public sealed class KeepFailureTests
{
    [Theory]
    [InlineData("memory-backend-memfd", "")]
    [InlineData("memory-backend-file", ", \"share\": true, \"mem-path\": \"{dir}/ram\"")]
    public async Task The_record_never_says_what_is_not_so(string type, string more)
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        var paths = new KeepPaths(directory + "/qmp");
        var kernel = new FailingKernel(new LinuxKernel());
        using var record = KeepRecord.TryOpen(kernel, paths)!;
        await using (var guest = await InProcessGuest.StartAsync(kernel, "-accel none", keep: new KeepOptions(paths, record, null, null)))
        {
            await guest.Guest.Kept.BeginAsync(null, []);
            await using var client = await guest.ConnectAsync();
            var request = $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "m", "size": 4096{{{more}}} } }"""
                .Replace("{dir}", directory, StringComparison.Ordinal);
            for (var call = 1; ; call++)
            {
                kernel.FailAt(call);
                var added = (await client.AskAsync(request)).TryGetProperty("return", out _);
                var isOver = !kernel.HasFailed;
                kernel.FailAt(int.MaxValue);
                Check(guest.Guest, record, added, $"call {call}: {string.Join("; ", guest.Sink.Errors)}");
                if (added)
                    await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""");
                File.Delete(directory + "/ram");
                Check(guest.Guest, record, false, $"after call {call}");
                if (isOver)
                    break;
            }
            await guest.Guest.Kept.EndAsync();
        }
        Assert.Empty(Directory.GetFileSystemEntries(directory));
        Directory.Delete(directory);
    }

    [Fact]
    public async Task A_file_that_was_made_for_an_object_that_never_came_to_be_is_removed_and_no_other()
    {
        await using var folder = new KeptFolder();
        var (half, other) = (folder.Path + "/half", folder.Path + "/other");
        await File.WriteAllTextAsync(half, "");
        await File.WriteAllTextAsync(other, "");
        var kernel = new LinuxKernel();
        using (var record = KeepRecord.TryOpen(kernel, folder.Paths)!)
        {
            var status = kernel.Stat(half);
            record.Rewrite([], [
                new KeptIntent { Id = "a", Path = half, Device = status.Device, Inode = status.Inode },
                new KeptIntent { Id = "b", Path = other, Device = status.Device, Inode = status.Inode },
            ]);
        }
        await using var daemon = await folder.StartAsync("-accel none");
        Assert.False(File.Exists(half));
        Assert.True(File.Exists(other));
    }

    private static void Check(Guest guest, KeepRecord record, bool isThere, string when)
    {
        Assert.Equal(isThere, guest.State.Backends.ContainsKey("m"));
        // Emptied where it could not be written, which the log says.
        if (record.IsEmpty)
            return;
        var content = record.Read();
        Assert.Equal(isThere, content.Objects.Any(kept => kept.Options.Id == "m"));
        Assert.True(content.Intents.Count == 0, $"an intent is left, {when}");
    }
}
