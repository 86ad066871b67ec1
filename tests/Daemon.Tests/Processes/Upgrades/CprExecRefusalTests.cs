using Hostmemd.Api;
using Hostmemd.Cpr;
using Hostmemd.Daemon.Tests.Keeping;
using Hostmemd.Protocol.Errors;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes.Upgrades;

/// <summary>An upgrade that would lose something, or cannot be, is refused, and nobody but the one who asked notices.</summary>
public sealed class CprExecRefusalTests
{
    [Fact]
    public async Task A_program_that_cannot_take_over_costs_nothing()
    {
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync("-accel none");
        await using var client = await daemon.ConnectAsync();
        await using var other = await daemon.ConnectAsync();
        await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 4096}""");
        await Upgrade.RefusedAsync(client, "set 'mode' to 'cpr-exec'");
        await client.ExchangeAsync("""{"execute": "migrate-set-parameters", "arguments": {"mode": "cpr-exec"}}""", Upgrade.Done);
        await Upgrade.RefusedAsync(client, "cpr-exec mode requires setting cpr-exec-command");
        await client.ExchangeAsync(
            """{"execute": "migrate", "arguments": {"uri": "tcp:host:1"}}""",
            """{"error": {"class": "GenericError", "desc": "Parameter 'uri' expects a file:PATH with mode 'cpr-exec', or is left out"}}""");
        foreach (var (program, words) in ((string[] Program, string Words)[])
            [
                (["/nonexistent"], "'/nonexistent' cannot take over: No such file or directory"),
                (["true"], "'true' cannot take over: it is no hostmemd"),
                (["sh", "-c", "echo wrong; echo more"], "'sh' cannot take over: wrong"),
                ([DaemonFixture.Program, "-object", "memory-backend-tape,id=t"], "cannot take over: hostmemd: -object memory-backend-tape,id=t:"),
            ])
        {
            await Upgrade.ChooseAsync(client, program);
            await Upgrade.RefusedAsync(client, words);
        }
        // What it promised it cannot do any more when the time has come: all stood still by then.
        var script = folder.Path + "/once";
        await File.WriteAllTextAsync(script, $"#!/bin/sh\nrm -f '{script}'\nexec '{DaemonFixture.Program}' \"$@\"\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await other.SendPartAsync("""{"execute": "query-na""");
        await Upgrade.ChooseAsync(client, [script, "-qmp", "unix:" + daemon.Socket]);
        await Upgrade.RefusedAsync(client, $"'{script}' cannot take over: No such file or directory");

        await other.ExchangeAsync("""me", "id": 5}""", """{"return": {}, "id": 5}""");
        await using var late = await daemon.ConnectAsync();
        Assert.Contains("\"m\"", await late.QueryAsync("query-memdev"), StringComparison.Ordinal);
        await Upgrade.RunAsync(daemon, late, "-accel none");
    }

    [Fact]
    public async Task What_could_not_go_on_is_named()
    {
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync("-accel none");
        await using var client = await daemon.ConnectAsync();
        await Upgrade.ChooseAsync(daemon, client, "-accel none");
        await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-ram", "id": "p", "size": 4096}""");
        await Upgrade.RefusedAsync(client, "Memory backend 'p' is private memory");
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "p"}}""", Upgrade.Done);

        await SuccessorTests.AddAsync(client, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 1073741824}""");
        await client.SendAsync("""{"execute": "memory-backend-prealloc", "arguments": {"job-id": "j", "memdev": "m", "speed": 4096}}""");
        var replies = new List<string>();
        while (!(replies.Count > 0 && !replies[^1].Contains("\"event\"", StringComparison.Ordinal)))
            replies.Add((await client.ReceiveAsync()).GetRawText());
        await Upgrade.RefusedAsync(client, "Job 'j' is not concluded");
    }

    [Fact]
    public async Task A_quit_that_came_before_is_obeyed()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        CprCheck.Check(guest.Guest);
        guest.Guest.Shutdown(ShutdownCause.HostQmpQuit);
        Assert.Equal("the daemon ends", Assert.Throws<QmpException>(() => CprCheck.Check(guest.Guest)).Message);
    }

    [Fact]
    public async Task A_program_that_says_nothing_is_killed()
    {
        // A time that no other process sleeps.
        var command = new[] { "sleep", "86399.123" };
        var refusal = await Assert.ThrowsAsync<QmpException>(
            () => CprRehearsal.AskAsync(new LinuxKernel(), command, patience: TimeSpan.FromMilliseconds(200)));

        Assert.Equal("cpr-exec-command: 'sleep' cannot take over: it does not answer", refusal.Message);
        await Eventually.TrueAsync(
            () => !Children.Of().Any(child => File.ReadAllText($"/proc/{child}/cmdline").Contains(command[1], StringComparison.Ordinal)),
            () => "it still runs");
    }

    [KvmFact]
    public async Task The_machines_own_memory_goes_on_while_nobody_has_written_there()
    {
        const string options = "-machine q35 -m 64M";
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync(options);
        await using var client = await daemon.ConnectAsync();
        await Upgrade.RunAsync(daemon, client, options);
        await SuccessorTests.WriteAsync(client, 1 << 20, Convert.ToBase64String(new byte[16]));
        await Upgrade.ChooseAsync(daemon, client, options);
        await Upgrade.RefusedAsync(client, "Memory backend 'pc.ram' is private memory");
        Assert.Equal(Convert.ToBase64String(new byte[16]), await SuccessorTests.ReadAsync(client, 1 << 20));
    }
}
