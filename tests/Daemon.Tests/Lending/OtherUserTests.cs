using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>qemu-hostmem without any right besides those of its user.</summary>
public sealed class OtherUserTests
{
    private const string Done = """{"return": {}}""";
    private const UnixFileMode Everybody = (UnixFileMode)0x1FF; // 0777

    private static readonly string[] Machine = ["-M", "q35,accel=tcg,memory-backend=m", "-m", "64M", "-nodefaults", "-display", "none"];

    [OtherUserFact]
    public Task Memory_that_is_lent_to_that_user_is_had_by_path() => RunAsync("-lend-dir {dir}/lend,owner=nobody", guestMemfd: false, async (daemon, client) =>
    {
        await using var qemu = await QemuProcess.WrapAsync(daemon, OtherUserFactAttribute.AsNobody, ["m"], Machine);
        await qemu.UntilRunningAsync();

        var borrower = (await LoanAsync(client)).GetProperty("borrowers")[0].GetProperty("pid").GetInt32();
        Assert.Contains("Uid:\t65534\t65534", await File.ReadAllTextAsync($"/proc/{borrower}/status"), StringComparison.Ordinal);
        var refused = await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""");
        Assert.Contains($"(pid {borrower})", refused.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
    });

    [OtherUserFact]
    public Task Memory_that_is_not_lent_to_that_user_is_refused_before_qemu_starts() => RunAsync("", guestMemfd: false, async (daemon, client) =>
    {
        var (status, output) = await QemuProcess.RefuseAsync(daemon, OtherUserFactAttribute.AsNobody, ["m"], Machine);

        Assert.Equal(1, status);
        Assert.Matches("^qemu-hostmem: .*Permission denied", Assert.Single(output.Trim().Split('\n')));
        Assert.Equal("free", (await LoanAsync(client)).GetProperty("state").GetString());
    });

    [OtherUserFact(NeedsCpr = true)]
    public Task Guest_memfd_comes_by_the_daemons_hand_and_needs_no_right_to_open_anything() => RunAsync("", guestMemfd: true, async (daemon, client) =>
    {
        await using var qemu = await QemuProcess.WrapAsync(daemon, OtherUserFactAttribute.AsNobody, ["m"], Machine);
        await qemu.UntilRunningAsync();

        var borrower = (await LoanAsync(client)).GetProperty("borrowers")[0].GetProperty("pid").GetInt32();
        Assert.Contains("Uid:\t65534\t65534", await File.ReadAllTextAsync($"/proc/{borrower}/status"), StringComparison.Ordinal);
    });

    private static async Task<System.Text.Json.JsonElement> LoanAsync(QmpClient client) =>
        (await client.AskAsync("""{"execute": "query-memory-loans", "arguments": {"memdev": "m"}}""")).GetProperty("return")[0];

    /// <summary>Everybody may talk to this daemon, and make sockets in its folder.</summary>
    private static Task RunAsync(string options, bool guestMemfd, Func<DaemonFixture, QmpClient, Task> work) =>
        DaemonFixture.RunAsync($"-machine none {options}", async daemon =>
        {
            File.SetUnixFileMode(daemon.Directory, Everybody);
            File.SetUnixFileMode(daemon.Socket, Everybody);
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync(
                $$$"""
                {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 67108864,
                  "guest-memfd": {{{(guestMemfd ? "true" : "false")}}}} }
                """,
                Done);
            await work(daemon, client);
        });
}
