using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Hostmemd.QmpShell.Tests;

/// <summary>docs/examples/hotplug.sh against real servers: what it does, what it says, and what it leaves.</summary>
public sealed partial class HotplugTests
{
    private static readonly string[] Machine = ["-machine", "q35", "-accel", "none", "-m", "256M,maxmem=1G,slots=2"];

    private const string Object = "object-add qom-type=memory-backend-memfd size=64M id=";

    [SocatFact]
    public async Task It_plugs_and_unplugs()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync(Machine);
        string before = await MemoryAsync(server);

        Assert.Equal(
            (0, "plugged hot0-dimm: 134217728 bytes at 0x100000000\nunplugged hot0-dimm\n", ""), await HotplugScript.RunAsync(server.SocketPath));
        Assert.Equal(
            (0, "plugged a.b-dimm: 67108864 bytes at 0x100000000\nunplugged a.b-dimm\n", ""), await HotplugScript.RunAsync(server.SocketPath, "64M", "a.b"));
        Assert.Equal(before, await MemoryAsync(server));
    }

    [SocatFact]
    public async Task An_id_that_is_taken_stays_with_its_owner()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync(Machine);
        await ShellProcess.RunAsync($"{Object}hot0\n{Object}mem0\ndevice_add driver=pc-dimm id=hot1-dimm memdev=mem0\n", server.SocketPath);
        string before = await MemoryAsync(server);

        Assert.Equal(
            (1, "", "hotplug: cannot make backend hot0: attempt to add duplicate property 'hot0' to object (type 'container')\n"),
            await HotplugScript.RunAsync(server.SocketPath, "64M", "hot0"));
        Assert.Equal(
            (1, "", "hotplug: cannot plug hot1-dimm: Duplicate device ID 'hot1-dimm'\n"), await HotplugScript.RunAsync(server.SocketPath, "64M", "hot1"));
        Assert.Equal(before, await MemoryAsync(server));
    }

    [SocatFact]
    public async Task What_does_not_fit_is_taken_back()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync(Machine);
        string empty = await MemoryAsync(server);
        var (status, _, errors) = await HotplugScript.RunAsync(server.SocketPath, "2G");
        Assert.Equal((1, true), (status, errors.StartsWith("hotplug: cannot plug hot0-dimm: not enough space", StringComparison.Ordinal)));
        Assert.Equal(empty, await MemoryAsync(server));
        for (int i = 0; i < 2; i++)
            await ShellProcess.RunAsync($"{Object}mem{i}\ndevice_add driver=pc-dimm id=dimm{i} memdev=mem{i}\n", server.SocketPath);
        string full = await MemoryAsync(server);

        Assert.Equal((1, "", "hotplug: cannot plug hot0-dimm: no free slots available\n"), await HotplugScript.RunAsync(server.SocketPath));
        Assert.Equal(full, await MemoryAsync(server));
    }

    [SocatFact]
    public async Task Who_is_not_there_is_named()
    {
        using var directory = new ScratchDirectory();
        string path = directory.SocketPath;
        Assert.Equal(
            (3, "", $"hotplug: there is no socket {path}; is the server started, with -qmp unix:{path}?\n"), await HotplugScript.RunAsync(path));
        using (var left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            left.Bind(new UnixDomainSocketEndPoint(path));
            Assert.Equal((3, "", $"hotplug: cannot connect to {path}; nobody listens there\n"), await HotplugScript.RunAsync(path));
        }

        // bash itself is called by its path.
        using HotplugScript script = HotplugScript.Start([path], path: directory.Path);
        Assert.Equal((2, "", "hotplug: socat is needed and not there; on Debian: apt-get install socat\n"), await script.EndAsync());
    }

    [Fact]
    public async Task What_would_not_be_JSON_is_not_sent()
    {
        Assert.Equal((2, "", "hotplug: usage: hotplug.sh [-t SECONDS] SOCKET [SIZE [NAME]]\n"), await HotplugScript.RunAsync());
        Assert.Equal((2, "", "hotplug: usage: hotplug.sh [-t SECONDS] SOCKET [SIZE [NAME]]\n"), await HotplugScript.RunAsync("-t", "soon", "/s"));
        Assert.Equal((2, "", "hotplug: '1T' is no size; write it as 134217728, 128M or 1G\n"), await HotplugScript.RunAsync("/s", "1T"));
        var (status, _, errors) = await HotplugScript.RunAsync("/s", "1M", "a\"b");
        Assert.Equal((2, true), (status, errors.StartsWith("hotplug: 'a\"b' is no id;", StringComparison.Ordinal)));
    }

    /// <summary>A guest that has not booted does not answer, so what is plugged into a QEMU cannot be taken back.</summary>
    [SocatFact(NeedsQemu = true)]
    public async Task What_the_guest_keeps_is_named()
    {
        await using ServerProcess server = await Servers.StartQemuAsync("-m", "256M,maxmem=1G,slots=2");

        var (status, output, errors) = await HotplugScript.RunAsync("-t", "15", server.SocketPath, "64M");

        Assert.Equal(
            (4, "plugged hot0-dimm: 67108864 bytes at 0x100000000\n",
                "hotplug: left plugged: DIMM hot0-dimm, backend hot0: no DEVICE_DELETED within 15 s; the guest has not let go of it\n"),
            (status, output, errors));
    }

    [SocatFact]
    public async Task A_server_that_ends_in_between_is_told_with_what_may_be_left()
    {
        using var server = new ScriptedServer();
        Task serving = server.ServeAsync(async client =>
        {
            await GreetAsync(client);
            await AnswerAsync(client, "object-add");
            await ScriptedServer.ReadLineAsync(client);
        });

        Assert.Equal(
            (3, "", $"hotplug: the server closed {server.SocketPath}\nhotplug: perhaps left there: DIMM hot0-dimm\nhotplug: perhaps left there: backend hot0\n"),
            await HotplugScript.RunAsync(server.SocketPath));
        await serving;
    }

    [SocatFact]
    public async Task A_signal_takes_back_what_was_done()
    {
        using var server = new ScriptedServer();
        using HotplugScript script = HotplugScript.Start([server.SocketPath]);
        Task serving = server.ServeAsync(async client =>
        {
            await GreetAsync(client);
            await AnswerAsync(client, "object-add");
            await AnswerAsync(client, "device_add", script.TerminateAsync);
            await AnswerAsync(client, "device_del");
            await ScriptedServer.WriteAsync(
                client, """{"timestamp": {"seconds": 1, "microseconds": 0}, "event": "DEVICE_DELETED", "data": {"device": "hot0-dimm", "path": "/"}}""" + "\r\n");
            await AnswerAsync(client, "object-del");
        });

        Assert.Equal((130, "", "hotplug: interrupted\n"), await script.EndAsync());
        await serving;
    }

    private static async Task GreetAsync(Stream client)
    {
        await ScriptedServer.WriteAsync(client, """{"QMP": {"version": {"qemu": {"major": 11, "minor": 1, "micro": 0}, "package": ""}, "capabilities": []}}""" + "\r\n");
        await AnswerAsync(client, "qmp_capabilities");
    }

    private static async Task AnswerAsync(Stream client, string command, Func<Task>? first = null)
    {
        string request = await ScriptedServer.ReadLineAsync(client);
        Assert.Contains($"\"execute\": \"{command}\"", request, StringComparison.Ordinal);
        if (first is not null)
            await first();
        await ScriptedServer.WriteAsync(client, $"{{\"return\": {{}}, {Id().Match(request).Value}}}\r\n");
    }

    private static async Task<string> MemoryAsync(ServerProcess server)
    {
        var (status, output, _) = await ShellProcess.RunAsync("query-memdev\nquery-memory-devices\n", "--json", server.SocketPath);
        Assert.Equal(0, status);
        return output;
    }

    [GeneratedRegex("\"id\": \"hotplug-[0-9]+\"")]
    private static partial Regex Id();
}
