using System.Net.Sockets;
using Hostmemd.Startup;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>The ways to say where QMP is spoken.</summary>
public sealed class MonitorOptionTests
{
    [Theory]
    [InlineData("-chardev zz,id=c: 'zz' is not a valid char driver name", "-chardev", "zz,id=c")]
    [InlineData("-chardev socket,path=/x: chardev: no id specified", "-chardev", "socket,path=/x")]
    [InlineData("-chardev socket,id=c: either 'path' or 'fd' is needed", "-chardev", "socket,id=c")]
    [InlineData("-chardev socket,id=c,path=/x,wait=maybe: Parameter 'wait' expects 'on' or 'off'", "-chardev", "socket,id=c,path=/x,wait=maybe")]
    [InlineData("-chardev socket,id=c,path=/x,zzz=1: Invalid parameter 'zzz'", "-chardev", "socket,id=c,path=/x,zzz=1")]
    [InlineData("-chardev socket,id=c,fd=x: Parameter 'fd' expects a number", "-chardev", "socket,id=c,fd=x")]
    [InlineData("-chardev socket,id=c,path=/y: Duplicate ID 'c' for chardev", "-chardev", "socket,id=c,path=/x", "-chardev", "socket,id=c,path=/y")]
    [InlineData("-chardev socket,id=c,path=/x: no -mon uses it", "-chardev", "socket,id=c,path=/x")]
    [InlineData("-chardev socket,id=c,path=x,abstract=on,mode=0600: 'mode' and 'group' need a socket in the file system",
        "-chardev", "socket,id=c,path=x,abstract=on,mode=0600")]
    [InlineData("-mon mode=control: Parameter 'chardev' is missing", "-mon", "mode=control")]
    [InlineData("-mon chardev=c,mode=foo: Parameter 'mode' does not accept value 'foo'", "-mon", "chardev=c,mode=foo")]
    [InlineData("-mon chardev=c: only 'mode=control' is supported", "-mon", "chardev=c")]
    [InlineData("-mon chardev=c,mode=control: chardev \"c\" not found", "-mon", "chardev=c,mode=control")]
    [InlineData("-qmp chardev:c: chardev \"c\" not found", "-qmp", "chardev:c")]
    [InlineData("-chardev socket,id=c,fd=0: File descriptor '0' is not a listening Unix socket",
        "-accel", "none", "-chardev", "socket,id=c,fd=0", "-mon", "chardev=c,mode=control")]
    public async Task What_does_not_fit_together_is_refused(string text, params string[] arguments)
    {
        var (exitCode, output, error) = await DaemonFixture.RunToEndAsync(arguments);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith($"hostmemd: {text}", error, StringComparison.Ordinal);
    }

    [Fact]
    public Task Every_socket_is_a_chardev_and_a_monitor() => DaemonFixture.RunAsync(
        "-accel none -qmp unix:{dir}/qmp,server=on,wait=off -qmp unix:{dir}/second,readonly=on "
        + "-chardev socket,id=cc,path={dir}/third,server=on,wait=off -mon chardev=cc,id=monx,mode=control "
        + "-chardev socket,id=dd,path={dir}-name,abstract=on,tight=off -mon chardev=dd,mode=control",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await using var third = await daemon.ConnectAsync(daemon.Directory + "/third");
            await using var filled = await daemon.ConnectAsync("\0" + (daemon.Directory + "-name").PadRight(107, '\0'));
            // An abstract name that is filled up is another one than the short.
            await Assert.ThrowsAsync<SocketException>(() => daemon.ConnectAsync("\0" + daemon.Directory + "-name"));

            var (dir, on) = (daemon.Directory, ",server=on");
            await client.ExchangeAsync(
                """{"execute": "query-chardev"}""",
                $$"""
                {"return": [
                  {"frontend-open": true, "filename": "unix:{{dir}}/qmp{{on}}", "label": "compat_monitor0"},
                  {"frontend-open": true, "filename": "disconnected:unix:{{dir}}/second{{on}}", "label": "compat_monitor1"},
                  {"frontend-open": true, "filename": "unix:{{dir}}/third{{on}}", "label": "cc"},
                  {"frontend-open": true, "filename": "unix:{{dir}}-name,abstract=on,tight=off{{on}}", "label": "dd"}]}
                """);
            await client.ExchangeAsync(
                """{"execute": "qom-list", "arguments": {"path": "/objects"}}""",
                """
                {"return": [
                  {"name": "type", "type": "string"}, {"name": "compat_monitor0", "type": "child<monitor-qmp>"},
                  {"name": "compat_monitor1", "type": "child<monitor-qmp>"}, {"name": "monx", "type": "child<monitor-qmp>"},
                  {"name": "compat_monitor2", "type": "child<monitor-qmp>"}]}
                """);
            await client.ExchangeAsync(
                """{"execute": "qom-get", "arguments": {"path": "/objects/monx", "property": "chardev"}}""", """{"return": "cc"}""");
        });

    [Theory]
    [InlineData("mode=0620,group=0", 0x190)]
    [InlineData("group=root,mode=777", 0x1FF)]
    public Task A_socket_has_the_permissions_that_it_was_given(string permissions, int mode) => DaemonFixture.RunAsync(
        $"-accel none -qmp unix:{{dir}}/qmp -chardev socket,id=c,path={{dir}}/c,{permissions} -mon chardev=c,mode=control", async daemon =>
        {
            await (await daemon.ConnectAsync(daemon.Directory + "/c")).DisposeAsync();
            Assert.Equal((UnixFileMode)mode, File.GetUnixFileMode(daemon.Directory + "/c"));
        });

    [Fact]
    public async Task A_group_that_is_not_there_is_refused_and_no_file_is_left()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        var (exitCode, _, error) = await DaemonFixture.RunToEndAsync("-accel", "none", "-qmp", $"unix:{directory}/qmp,group=no-such-group");

        Assert.Equal(1, exitCode);
        Assert.Contains($"Failed to bind socket to {directory}/qmp: there is no group 'no-such-group'", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(directory));
        Directory.Delete(directory);
    }

    [Fact]
    public Task A_client_that_leaves_is_seen_to_have_left() => DaemonFixture.RunAsync(
        "-accel none -qmp unix:{dir}/qmp -qmp unix:{dir}/second", async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await using (await daemon.ConnectAsync(daemon.Directory + "/second"))
                Assert.DoesNotContain("disconnected", await client.QueryAsync("query-chardev"), StringComparison.Ordinal);

            for (var took = System.Diagnostics.Stopwatch.StartNew(); took.Elapsed < QmpClient.Patience;)
                if ((await client.QueryAsync("query-chardev")).Contains("disconnected", StringComparison.Ordinal))
                    return;
            Assert.Fail("it is still connected");
        });

    [Fact]
    public Task A_stale_socket_file_gives_way_and_one_that_is_listened_on_does_not() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        var (exitCode, _, error) = await DaemonFixture.RunToEndAsync("-accel", "none", "-qmp", $"unix:{daemon.Socket}");
        Assert.Equal(1, exitCode);
        Assert.Contains($"Failed to bind socket to {daemon.Socket}: Address already in use", error, StringComparison.Ordinal);
        await (await daemon.ConnectAsync()).DisposeAsync();

        daemon.Signal(DaemonFixture.SigKill);
        await daemon.WaitForExitAsync();
        Assert.True(File.Exists(daemon.Socket));
        await DaemonFixture.RunAsync($"-accel none -qmp unix:{daemon.Socket} -qmp unix:{{dir}}/qmp", async next =>
            await (await next.ConnectAsync(daemon.Socket)).DisposeAsync());
    });

    [Fact]
    public void Options_take_the_keys_that_they_are_described_with_and_no_others()
    {
        foreach (var group in OptionGroups.All.Where(group => group.Parameters.Count > 0))
        {
            var option = group.Option == "memory" ? "-m" : "-" + group.Option;
            foreach (var key in group.Parameters.Select(parameter => parameter.Name))
                Assert.DoesNotContain("Invalid parameter", Refusal(option, key), StringComparison.Ordinal);
            Assert.Matches("Invalid parameter 'zzz'|Property 'none-machine.zzz' not found", Refusal(option, "zzz"));
        }
    }

    private static string Refusal(string option, string key)
    {
        try
        {
            OptionParser.Parse([option, $"{key}=on"]);
            return "";
        }
        catch (OptionException e)
        {
            return e.Message;
        }
    }

    [Fact]
    public Task Only_one_option_may_be_asked_for() => DaemonFixture.RunAsync("-accel none", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "query-command-line-options", "arguments": {"option": "memory"}}""",
            """
            {"return": [{"option": "memory", "parameters": [
              {"name": "size", "type": "size", "help": "$str"}, {"name": "slots", "type": "number", "help": "$str"},
              {"name": "maxmem", "type": "size", "help": "$str"}]}]}
            """);
        await client.ExchangeAsync(
            """{"execute": "query-command-line-options", "arguments": {"option": "zzz"}}""",
            """{"error": {"class": "GenericError", "desc": "invalid option name: zzz"}}""");
    });
}
