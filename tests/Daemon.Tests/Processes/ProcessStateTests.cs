using System.Globalization;
using System.Text;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>The process as the kernel shows it: limits, descriptors, permissions; and its log.</summary>
public sealed class ProcessStateTests
{
    private const string Log = "{dir}/log";

    [Fact]
    public Task It_dumps_no_core_and_may_open_as_many_files_as_the_hard_limit_allows() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        var limits = await File.ReadAllLinesAsync($"/proc/{daemon.Pid}/limits");
        var core = limits.Single(line => line.StartsWith("Max core file size", StringComparison.Ordinal));
        Assert.Equal(["0", "0", "bytes"], core[26..].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var files = limits.Single(line => line.StartsWith("Max open files", StringComparison.Ordinal));
        var values = files[26..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(values[1], values[0]);
    });

    [Theory]
    [InlineData("-accel none -object memory-backend-memfd,id=m,size=2M -object memory-backend-ram,id=r,size=2M,share=on")]
    public Task No_descriptor_is_inherited_by_a_child(string options) => DaemonFixture.RunAsync(options, AssertCloseOnExecAsync);

    [KvmFact]
    public Task No_descriptor_of_kvm_is_inherited_by_a_child() => DaemonFixture.RunAsync(
        "-accel kvm -machine q35 -m 2M -object memory-backend-memfd,id=m,size=2M,guest-memfd=on",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync(
                """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 0}}""",
                """{"return": {"$object-with": {"outcome": "done"}}}""");
            foreach (var kind in (string[])["/dev/kvm", "kvm-vm", "kvm-gmem", "kvm-vcpu"])
                Assert.NotEqual(0, ProcessResources.Count(kind, daemon.Pid));
            await AssertCloseOnExecAsync(daemon);
        });

    [Fact]
    public Task A_socket_has_the_permissions_that_were_asked_for() => DaemonFixture.RunAsync(
        "-accel none -qmp unix:{dir}/narrow,mode=0600 -qmp unix:{dir}/wide,mode=0666,readonly=on -qmp unix:{dir}/qmp,server=on,wait=off",
        async daemon =>
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(daemon.Directory + "/narrow"));
            Assert.Equal("666", Convert.ToString((int)File.GetUnixFileMode(daemon.Directory + "/wide"), 8));

            await using var reader = await daemon.ConnectAsync(daemon.Directory + "/wide");
            await reader.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");
            await reader.ExchangeAsync(
                """{"execute": "quit"}""",
                """
                {"error": {"class": "GenericError", "desc": "The command quit is not allowed on this socket (readonly=on), use another one"}}
                """);
            await using var writer = await daemon.ConnectAsync(daemon.Directory + "/narrow");
            await writer.ExchangeAsync("""{"execute": "stop"}""", """{"timestamp": "$timestamp", "event": "STOP"}""");
            await writer.ExpectAsync("""{"return": {}}""");
            await reader.ExpectAsync("""{"timestamp": "$timestamp", "event": "STOP"}""");
        });

    [Fact]
    public Task Clients_are_logged_and_commands_only_when_asked_for() => DaemonFixture.RunAsync($"-accel none -D {Log}", async daemon =>
    {
        await using (var client = await daemon.ConnectAsync())
            await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");

        var log = await ReadLogAsync(daemon, "Client 2 left");
        Assert.Contains("INF Client 2 connected, readonly False", log, StringComparison.Ordinal);
        Assert.Contains($"INF Listening on {daemon.Socket}", log, StringComparison.Ordinal);
        Assert.DoesNotContain("query-name", log, StringComparison.Ordinal);
    });

    [Fact]
    public Task Each_command_is_a_line_without_payload() => DaemonFixture.RunAsync($"-accel none -d commands -D {Log}", async daemon =>
    {
        var secret = new string('s', 1_000_000);
        await using (var client = await daemon.ConnectAsync())
        {
            await client.ExchangeAsync($$"""{"execute": "query-name", "id": "{{secret}}"}""", $$"""{"return": {}, "id": "{{secret}}"}""");
            await client.ExchangeAsync(
                """{"execute": "object-del", "arguments": {"id": "zzz"}, "id": 7}""",
                """{"id": 7, "error": {"class": "GenericError", "desc": "object 'zzz' not found"}}""");
        }

        var log = await ReadLogAsync(daemon, "Client 2 left");
        Assert.Matches("DBG Client 2: query-name id \"s{1,64}…, [0-9.]+ ms, ok\n", log);
        Assert.Matches("DBG Client 2: object-del id 7, [0-9.]+ ms, GenericError\n", log);
        Assert.Matches("DBG Client 2: qmp_capabilities id (null)?, [0-9.]+ ms, ok\n", log);
        Assert.DoesNotContain("zzz", log, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(log), 1, 4096);
    });

    private static async Task<string> ReadLogAsync(DaemonFixture daemon, string until)
    {
        var path = daemon.Directory + "/log";
        await Eventually.TrueAsync(() => Read().Contains(until, StringComparison.Ordinal), () => $"no '{until}' in the log:\n{Read()}");
        return Read();

        string Read()
        {
            using var file = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return file.ReadToEnd();
        }
    }

    private static async Task AssertCloseOnExecAsync(DaemonFixture daemon)
    {
        const long closeOnExec = 0x80000; // O_CLOEXEC, 02000000
        var seen = 0;
        foreach (var path in Directory.GetFileSystemEntries($"/proc/{daemon.Pid}/fd"))
        {
            var number = Path.GetFileName(path);
            // Standard streams, and what whoever started the tests left open and so handed down, are not the daemon's.
            if (int.Parse(number, CultureInfo.InvariantCulture) <= 2 || new FileInfo(path).LinkTarget is not { } target
                || new FileInfo($"/proc/self/fd/{number}").LinkTarget == target)
                continue;
            string[] lines;
            try
            {
                lines = await File.ReadAllLinesAsync($"/proc/{daemon.Pid}/fdinfo/{number}");
            }
            catch (FileNotFoundException)
            {
                // Closed since, as the socket of a client that has left.
                continue;
            }
            var flags = lines.Single(line => line.StartsWith("flags:", StringComparison.Ordinal));
            Assert.True((Convert.ToInt64(flags[6..].Trim(), 8) & closeOnExec) != 0, $"descriptor {number} ({target}) is not close-on-exec");
            seen++;
        }
        Assert.NotEqual(0, seen);
    }
}
