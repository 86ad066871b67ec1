using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>
/// What libvirt 11.3 does with an emulator: its command line, its environment, its requests as they were recorded, and of the answers what it
/// reads. A QEMU answers more; libvirt looks at no more.
/// </summary>
public sealed class LibvirtProbeTests
{
    /// <summary>Types that libvirt asks about whether it has seen them in the list or not.</summary>
    private static readonly string[] AlwaysAsked =
    [
        "virtio-blk-pci", "scsi-hd", "ide-hd", "PIIX4_PM", "kvm-pit", "ICH9-LPC", "virtio-balloon-pci", "virtio-balloon-ccw", "virtio-balloon-device",
        "usb-host",
    ];

    [Fact]
    public async Task The_probe_finds_what_it_needs()
    {
        await using var daemon = await Probed.StartAsync("kvm:tcg");
        await using var client = await LibvirtClient.ConnectAsync(daemon.Socket);

        Assert.Equal("{}", (await client.AskAsync("qmp_capabilities")).GetRawText());
        var version = await client.AskAsync("query-version");
        Assert.True(version.GetProperty("qemu").GetProperty("major").GetInt32() >= 7);
        Assert.Equal(JsonValueKind.String, version.GetProperty("package").ValueKind);
        Assert.Equal("x86_64", (await client.AskAsync("query-target")).GetProperty("arch").GetString());
        var schema = await client.AskAsync("query-qmp-schema");
        Assert.All(schema.EnumerateArray(), entry => Assert.NotNull(entry.GetProperty("name").GetString() + entry.GetProperty("meta-type").GetString()));
        // It would ask for what it finds there.
        Assert.DoesNotContain(schema.EnumerateArray(), entry => entry.GetProperty("name").GetString() is "query-cpu-definitions" or "query-cpu-model-expansion");
        var kvm = await client.AskAsync("query-kvm");
        Assert.Equal((File.Exists("/dev/kvm"), File.Exists("/dev/kvm")), (kvm.GetProperty("enabled").GetBoolean(), kvm.GetProperty("present").GetBoolean()));
        var types = (await client.AskAsync("qom-list-types")).EnumerateArray().Select(type => type.GetProperty("name").GetString()!).ToList();
        Assert.Contains("memory-backend-memfd", types);
        // There are no vCPUs that run a guest without KVM, so libvirt must not believe in TCG.
        Assert.DoesNotContain("tcg-accel", types);
        foreach (var type in AlwaysAsked)
            Assert.Equal("DeviceNotFound", await client.ErrorAsync("device-list-properties", $$"""{"typename":"{{type}}"}"""));
        var file = await PropertiesAsync(client, "memory-backend-file");
        Assert.Superset(new HashSet<string> { "pmem", "x-use-canonical-path-for-ramblock-id", "reserve", "prealloc-threads" }, file);
        Assert.Contains("hugetlb", await PropertiesAsync(client, "memory-backend-memfd"));
        var machines = (await client.AskAsync("query-machines")).EnumerateArray().Select(machine => machine.GetProperty("name").GetString()).ToList();
        Assert.Equal(["none", "pc-q35-11.1"], machines);
        // An error here ends libvirtd 11.3 itself.
        await PropertiesAsync(client, "none-machine");
        await PropertiesAsync(client, "generic-pc-machine");
        Assert.Equal("CommandNotFound", await client.ErrorAsync("query-tpm-models"));
        Assert.Equal("CommandNotFound", await client.ErrorAsync("query-tpm-types"));
        Assert.All(
            (await client.AskAsync("query-command-line-options")).EnumerateArray(),
            option => Assert.NotNull(option.GetProperty("option").GetString() + option.GetProperty("parameters").GetArrayLength()));
        Assert.Equal("[]", (await client.AskAsync("query-migrate-capabilities")).GetRawText());

        client.Close();
        await daemon.EndAsync();
    }

    [Fact]
    public Task It_ends_at_once_when_it_is_told_to() => MeasuredRounds.WithinAsync(TimeSpan.FromSeconds(1), async () =>
    {
        await using var daemon = await Probed.StartAsync("none");
        return await daemon.EndAsync();
    });

    [Fact]
    public async Task Its_dimm_is_plugged_and_unplugged_as_it_does_it()
    {
        await using var daemon = await Probed.StartAsync("none", "q35", "-m", "size=0k,slots=4,maxmem=1048576k");
        await using var client = await LibvirtClient.ConnectAsync(daemon.Socket);
        await client.AskAsync("qmp_capabilities");
        await client.AskAsync("query-migrate-capabilities");
        Assert.Equal("compat_monitor0", (await client.AskAsync("query-chardev"))[0].GetProperty("label").GetString());

        await client.AskAsync("object-add", """{"qom-type":"memory-backend-memfd","id":"memdimm0","share":true,"size":134217728}""");
        await client.AskAsync("device_add", """{"driver":"pc-dimm","node":0,"memdev":"memdimm0","id":"dimm0","slot":0}""");
        Assert.Equal("CommandNotFound", await client.ErrorAsync("query-balloon"));
        var device = (await client.AskAsync("query-memory-devices"))[0];
        Assert.Equal("dimm", device.GetProperty("type").GetString());
        var data = device.GetProperty("data");
        Assert.Equal(("dimm0", 0, 0x1_0000_0000), (data.GetProperty("id").GetString(), data.GetProperty("slot").GetInt32(), data.GetProperty("addr").GetInt64()));
        Assert.True(data.GetProperty("hotplugged").GetBoolean() && data.GetProperty("hotpluggable").GetBoolean());
        Assert.Equal(["dimm0"], await DevicesAsync(client));

        // One that fails: it takes the backend back itself.
        await client.AskAsync("object-add", """{"qom-type":"memory-backend-memfd","id":"memdimm1","share":true,"size":134217728}""");
        Assert.Equal(
            "GenericError", await client.ErrorAsync("device_add", """{"driver":"pc-dimm","node":0,"memdev":"memdimm1","id":"dimm1","slot":0}"""));
        await client.AskAsync("object-del", """{"id":"memdimm1"}""");

        await client.AskAsync("device_del", """{"id":"dimm0"}""");
        Assert.Equal("dimm0", (await client.EventAsync("DEVICE_DELETED")).GetProperty("device").GetString());
        await client.AskAsync("object-del", """{"id":"memdimm0"}""");
        Assert.Empty(await DevicesAsync(client));
        Assert.Equal("DeviceNotFound", await client.ErrorAsync("device_del", """{"id":"dimm0"}"""));
    }

    /// <summary>libvirt hands over the listening socket of a domain's monitor.</summary>
    /// <param name="hasPlace">The daemon can make its record beside the socket.</param>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_domains_monitor_is_a_descriptor_that_was_handed_over(bool hasPlace)
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        var path = $"{directory}/monitor.sock";
        if (!hasPlace)
            Directory.CreateDirectory(path + ".keep");
        try
        {
            using var process = Process.Start(new ProcessStartInfo("python3",
                ["-c", ListeningLauncher, path, DaemonFixture.Program, "-accel", "none", "-S",
                    "-chardev", "socket,id=charmonitor,fd=FD,server=on,wait=off", "-mon", "chardev=charmonitor,id=monitor,mode=control"])
            { RedirectStandardError = true })!;
            // The file is there and listened on before the program runs: libvirt does not try again.
            while (!File.Exists(path + ".listens") && !process.HasExited)
                await Task.Delay(5);
            await using var client = await LibvirtClient.ConnectAsync(path);
            await client.AskAsync("qmp_capabilities");
            var chardev = (await client.AskAsync("query-chardev"))[0];
            Assert.Equal(
                ("charmonitor", $"unix:{path},server=on", true),
                (chardev.GetProperty("label").GetString(), chardev.GetProperty("filename").GetString(), chardev.GetProperty("frontend-open").GetBoolean()));
            Assert.Equal("charmonitor", (await client.AskAsync("qom-get", """{"path":"/objects/monitor","property":"chardev"}""")).GetString());

            await client.AskAsync("object-add", """{"qom-type":"memory-backend-memfd","id":"m","size":4096}""");
            await client.AskAsync("quit");
            var log = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync(new CancellationTokenSource(QmpClient.Patience).Token);
            Assert.Equal(0, process.ExitCode);
            Assert.Equal(!hasPlace, log.Contains("No memory outlives this daemon", StringComparison.Ordinal));
            // It is not ours to remove.
            Assert.True(File.Exists(path));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Listens on the path, puts the descriptor's number into the arguments, and becomes the program.</summary>
    private const string ListeningLauncher =
        """
        import os, socket, sys
        s = socket.socket(socket.AF_UNIX)
        s.bind(sys.argv[1]); s.listen(1); s.set_inheritable(True)
        open(sys.argv[1] + ".listens", "w").close()
        os.execv(sys.argv[2], [a.replace("FD", str(s.fileno())) for a in sys.argv[2:]])
        """;

    private static async Task<HashSet<string>> PropertiesAsync(LibvirtClient client, string type) =>
        [.. (await client.AskAsync("qom-list-properties", $$"""{"typename":"{{type}}"}""")).EnumerateArray().Select(p => p.GetProperty("name").GetString()!)];

    private static async Task<List<string>> DevicesAsync(LibvirtClient client) =>
    [
        .. (await client.AskAsync("qom-list", """{"path":"/machine/peripheral"}""")).EnumerateArray()
            .Where(member => member.GetProperty("type").GetString()!.StartsWith("child<", StringComparison.Ordinal))
            .Select(member => member.GetProperty("name").GetString()!),
    ];

    /// <summary>The program as libvirt starts it: its environment, nothing but a pipe for errors, and the process by its pidfile.</summary>
    private sealed class Probed(string directory, int pid) : IAsyncDisposable
    {
        public string Socket => directory + "/qmp.monitor";

        public static async Task<Probed> StartAsync(string accelerators, string machine = "none", params string[] more)
        {
            var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
            var start = new ProcessStartInfo(DaemonFixture.Program,
                [
                    "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", $"{machine},accel={accelerators}", .. more,
                    "-qmp", $"unix:{directory}/qmp.monitor,server=on,wait=off", "-pidfile", $"{directory}/qmp.pid", "-daemonize",
                ])
            { RedirectStandardError = true };
            // A program that is compiled at run time finds its runtime by one; what ships does without.
            var runtime = start.Environment.Where(variable => variable.Key.StartsWith("DOTNET_ROOT", StringComparison.Ordinal)).ToList();
            start.Environment.Clear();
            foreach (var (name, value) in (KeyValuePair<string, string?>[])[new("LC_ALL", "C"), new("PATH", "/usr/bin:/bin"), new("HOME", "/nonexistent"), .. runtime])
                start.Environment[name] = value;
            using var parent = Process.Start(start)!;
            using var limit = new CancellationTokenSource(QmpClient.Patience);
            // The pipe comes to its end: nobody else holds it.
            Assert.Equal("", await parent.StandardError.ReadToEndAsync(limit.Token));
            await parent.WaitForExitAsync(limit.Token);
            Assert.Equal(0, parent.ExitCode);
            var text = await File.ReadAllTextAsync($"{directory}/qmp.pid");
            Assert.EndsWith("\n", text, StringComparison.Ordinal);
            return new Probed(directory, int.Parse(text, CultureInfo.InvariantCulture));
        }

        /// <returns>How long it took.</returns>
        public async Task<TimeSpan> EndAsync()
        {
            _ = LibC.kill(pid, DaemonFixture.SigTerm);
            var clock = Stopwatch.StartNew();
            await Eventually.TrueAsync(() => !Children.Runs(pid), () => $"process {pid} goes on after a signal");
            var took = clock.Elapsed;
            Assert.False(File.Exists(Socket) || File.Exists($"{directory}/qmp.pid"));
            return took;
        }

        public async ValueTask DisposeAsync()
        {
            await EndAsync();
            Directory.Delete(directory, recursive: true);
        }
    }
}
