using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A real QEMU, started by itself or by qemu-hostmem, with a QMP client.</summary>
internal sealed class QemuProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private QemuProcess(Process process)
    {
        _process = process;
        process.ErrorDataReceived += Keep;
        process.OutputDataReceived += Keep;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    /// <summary>The wrapper that was built with the tests, or HOSTMEMD_WRAPPER.</summary>
    public static string Wrapper { get; } =
        Environment.GetEnvironmentVariable("HOSTMEMD_WRAPPER") ?? Path.Combine(AppContext.BaseDirectory, "qemu-hostmem");

    public QmpClient Client { get; private set; } = null!;

    /// <summary>What was started: QEMU itself, or what waits for it.</summary>
    public int Pid => _process.Id;

    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Starts QEMU on its own, and waits until it answers.</summary>
    public static Task<QemuProcess> StartAsync(string directory, params string[] arguments) =>
        StartAsync(directory, [.. QemuFactAttribute.Command, .. arguments], "qemu");

    /// <summary>Starts QEMU by qemu-hostmem on backends of a daemon, and waits until it answers.</summary>
    public static Task<QemuProcess> WrapAsync(DaemonFixture daemon, string[] backends, params string[] arguments) =>
        WrapAsync(daemon, [], backends, arguments);

    /// <param name="launcher">What runs the rest of its command line.</param>
    public static async Task<QemuProcess> WrapAsync(DaemonFixture daemon, string[] launcher, string[] backends, string[] arguments)
    {
        var qemu = await StartAsync(daemon.Directory, [.. launcher, Wrapper, .. Wrapped(daemon, backends, arguments)], "qemu");
        await qemu.UntilAsync(status => status != "inmigrate");
        return qemu;
    }

    /// <summary>Starts qemu-hostmem where it is to refuse.</summary>
    public static Task<(int Status, string Output)> RefuseAsync(DaemonFixture daemon, string[] backends, params string[] arguments) =>
        RefuseAsync(daemon, [], backends, arguments);

    /// <param name="launcher">What runs the rest of its command line.</param>
    public static async Task<(int Status, string Output)> RefuseAsync(DaemonFixture daemon, string[] launcher, string[] backends, string[] arguments)
    {
        var process = new QemuProcess(Start([.. launcher, Wrapper, .. Wrapped(daemon, backends, arguments)]));
        return (await process.WaitForExitAsync(), process.Output);
    }

    public static async Task<string> HumanAsync(QmpClient client, string line)
    {
        var request = JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["execute"] = "human-monitor-command",
            ["arguments"] = new Dictionary<string, string> { ["command-line"] = line },
        });
        await client.SendAsync(request);
        while (true)
        {
            var message = await client.ReceiveAsync();
            if (message.TryGetProperty("return", out var text))
                return text.GetString()!;
            Assert.True(message.TryGetProperty("event", out _), message.GetRawText());
        }
    }

    /// <summary>Sends a command; its reply, whatever events come before.</summary>
    public async Task<JsonElement> AskAsync(string request)
    {
        await Client.SendAsync(request);
        while (true)
        {
            var message = await Client.ReceiveAsync();
            if (!message.TryGetProperty("event", out _))
                return message;
        }
    }

    public Task UntilRunningAsync() => UntilAsync(status => status == "running");

    private async Task UntilAsync(Func<string, bool> isThere)
    {
        for (var end = Stopwatch.StartNew(); ; await Task.Delay(5))
        {
            var status = (await AskAsync("""{"execute": "query-status"}""")).GetProperty("return").GetProperty("status").GetString()!;
            if (isThere(status))
                return;
            Assert.True(end.Elapsed < QmpClient.Patience, status);
        }
    }

    /// <summary>Some bytes of guest memory as QEMU reads them.</summary>
    public async Task<byte[]> ReadMemoryAsync(string directory, ulong address, ulong size)
    {
        var path = Path.Combine(directory, "pmemsave");
        var reply = await AskAsync(
            $$$"""{"execute": "pmemsave", "arguments": {"val": {{{address}}}, "size": {{{size}}}, "filename": "{{{path}}}"} }""");
        Assert.True(reply.TryGetProperty("return", out _), reply.GetRawText());
        var bytes = await File.ReadAllBytesAsync(path);
        File.Delete(path);
        return bytes;
    }

    /// <summary>Waits until SeaBIOS has written its interrupt table to the first page of a guest's memory.</summary>
    public static Task UntilFirmwareRanAsync(MappedMemory memory)
    {
        var first = new byte[4096];
        return Eventually.TrueAsync(
            () =>
            {
                memory.Read(0, first);
                return first.AsSpan().ContainsAnyExcept((byte)0);
            },
            () => "SeaBIOS has written nothing");
    }

    public void Signal(int signal) => Assert.Equal(0, Tmds.Linux.LibC.kill(Pid, signal));

    public async Task<int> WaitForExitAsync()
    {
        using var limit = new CancellationTokenSource(QmpClient.Patience);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (Client is not null)
            await Client.DisposeAsync();
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static string[] Wrapped(DaemonFixture daemon, string[] backends, string[] arguments) =>
        [daemon.Socket, .. backends, "--", .. QemuFactAttribute.Command, .. arguments, "-qmp", Qmp(daemon.Directory, "qemu")];

    private static string Qmp(string directory, string name) => $"unix:{directory}/{name},server=on,wait=off";

    private static Process Start(string[] command) =>
        Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true })!;

    private static async Task<QemuProcess> StartAsync(string directory, string[] command, string name)
    {
        if (!command.Contains("-qmp"))
            command = [.. command, "-qmp", Qmp(directory, name)];
        File.Delete(Path.Combine(directory, name));
        var qemu = new QemuProcess(Start(command));
        try
        {
            for (var end = Stopwatch.StartNew(); qemu.Client is null; await Task.Delay(2))
            {
                Assert.False(qemu._process.HasExited, string.Create(CultureInfo.InvariantCulture, $"{string.Join(' ', command)} ended: {qemu.Output}"));
                Assert.True(end.Elapsed < QmpClient.Patience, $"QEMU does not answer: {qemu.Output}");
                try
                {
                    var client = await QmpClient.ConnectAsync(Path.Combine(directory, name));
                    await client.ReceiveAsync();
                    await client.ExchangeAsync("""{"execute": "qmp_capabilities"}""", """{"return": {}}""");
                    qemu.Client = client;
                }
                catch (System.Net.Sockets.SocketException)
                {
                    // Not yet.
                }
            }
            return qemu;
        }
        catch
        {
            await qemu.DisposeAsync();
            throw;
        }
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
            _output.AppendLine(line.Data);
    }
}
