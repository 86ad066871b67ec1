using System.Diagnostics;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>Memory for a VMM of another user.</summary>
public sealed class LendHolderTests
{
    private const string Done = """{"return": {}}""";

    [RootFact]
    public Task Another_user_opens_what_is_lent_to_that_user_and_nobody_else_does() =>
        DaemonFixture.RunAsync("-accel none -keep none -lend-dir {dir}/lend,owner=nobody", async daemon =>
        {
            const int everybodyEnters = 0x1ED;
            File.SetUnixFileMode(daemon.Directory, (UnixFileMode)everybodyEnters);
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync("""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""", Done);

            var ids = (await File.ReadAllLinesAsync("/etc/passwd")).First(line => line.StartsWith("nobody:", StringComparison.Ordinal)).Split(':');
            var path = $"{daemon.Directory}/lend/m";
            Assert.Equal(0, await RunAsAsync(ids[2], ids[3], $"exec 3<>{path}; printf lent >&3"));
            // Nor does that user get at what the daemon itself has open.
            Assert.NotEqual(0, await RunAsAsync(ids[2], ids[3], $"exec 3</proc/{daemon.Pid}/fd/0"));
            Assert.NotEqual(0, await RunAsAsync("12345", "12345", $"exec 3<>{path}"));

            using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
            {
                var seen = new byte[4];
                Assert.Equal(4, await RandomAccess.ReadAsync(file, seen, 0));
                Assert.Equal("lent", System.Text.Encoding.ASCII.GetString(seen));
            }
            await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
            var holder = Assert.Single(Children.Of(daemon.Pid));
            await Eventually.TrueAsync(() => ProcessResources.Count("memory-backend-memfd", holder) == 0, () => "the holder keeps it");

            daemon.Signal(DaemonFixture.SigKill);
            await daemon.WaitForExitAsync();
            await Eventually.TrueAsync(() => !Directory.Exists($"/proc/{holder}"), () => "the holder stays");
        });

    private static async Task<int> RunAsAsync(string user, string group, string script)
    {
        var start = new ProcessStartInfo("setpriv", [$"--reuid={user}", $"--regid={group}", "--clear-groups", "sh", "-c", script])
        {
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
