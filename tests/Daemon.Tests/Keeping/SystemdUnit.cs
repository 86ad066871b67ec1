using System.Diagnostics;
using System.Globalization;
using System.Text;
using Hostmemd.Daemon.Tests.Processes;
using Tmds.Linux;
using Xunit;
using Xunit.Sdk;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>
/// The program as a unit of a real systemd: a user's manager with no other unit, in a mount namespace of its own, as it wants to find
/// /run/systemd/system.
/// </summary>
internal sealed class SystemdUnit : IAsyncDisposable
{
    private const string Name = "hostmemd.service";

    /// <summary>It needs none of the units that every other one needs by itself.</summary>
    private const string Alone = "[Unit]\nDefaultDependencies=no\n";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _directory;
    private readonly StringBuilder _log = new();
    private readonly Process _manager;

    private SystemdUnit(string directory)
    {
        _directory = directory;
        _manager = Process.Start(Command(
            "unshare", "--mount", "sh", "-c",
            "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec \"$0\" --user --unit=hostmemd.target --log-target=console",
            SystemdFactAttribute.Program!))!;
        _manager.OutputDataReceived += (_, line) => Keep(line.Data);
        _manager.ErrorDataReceived += (_, line) => Keep(line.Data);
        _manager.BeginOutputReadLine();
        _manager.BeginErrorReadLine();
    }

    public string Socket => _directory + "/runtime/hostmemd/qmp";

    /// <summary>Runs the unit, does the work, and ends both.</summary>
    /// <param name="options">The program's; -keep systemd and -qmp are added.</param>
    /// <param name="settings">Lines of [Service] beyond those of the manual.</param>
    public static async Task RunAsync(string options, string settings, Func<SystemdUnit, Task> work)
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
        try
        {
            Directory.CreateDirectory(directory + "/runtime", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Directory.CreateDirectory(directory + "/units");
            await File.WriteAllTextAsync(directory + "/units/hostmemd.target", Alone);
            await File.WriteAllTextAsync(directory + "/units/" + Name, $"""
                {Alone}
                [Service]
                Type=notify
                NotifyAccess=main
                ExecStart={DaemonFixture.Program} -keep systemd -qmp unix:%t/hostmemd/qmp {options}
                RuntimeDirectory=hostmemd
                RuntimeDirectoryPreserve=restart
                Restart=on-failure
                RestartSec=0
                StandardError=append:{directory}/log
                {settings}
                """);
            await using var unit = new SystemdUnit(directory);
            try
            {
                await Eventually.TrueAsync(() => File.Exists(directory + "/runtime/systemd/private"), () => "systemd");
                await unit.ControlAsync("start", Name);
                await work(unit);
            }
            catch (Exception e)
            {
                throw new XunitException($"{e.Message}\nthe log:\n{unit.Log}", e);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    public async Task<QmpClient> ConnectAsync() => await (await QmpClient.ConnectAsync(Socket)).NegotiateAsync();

    /// <summary>A property of the unit, as systemctl shows it.</summary>
    public async Task<string> ShowAsync(string property) => (await ControlAsync("show", "--value", "-p", property, Name)).Trim();

    /// <summary>Sends its process a signal.</summary>
    public async Task SignalAsync(int signal) => Assert.Equal(0, LibC.kill(int.Parse(await ShowAsync("MainPID"), CultureInfo.InvariantCulture), signal));

    /// <summary>Waits until systemd has started it again so many times, and it serves.</summary>
    public Task RestartedAsync(int times) => Eventually.TrueAsync(
        async () => await ShowAsync("NRestarts") == times.ToString(CultureInfo.InvariantCulture) && await ShowAsync("ActiveState") == "active",
        () => Log);

    public Task StopAsync() => ControlAsync("stop", Name);

    public async ValueTask DisposeAsync()
    {
        try
        {
            // In order: it leaves control groups otherwise.
            await StopAsync();
            await ControlAsync("exit", "--force");
            await _manager.WaitForExitAsync().WaitAsync(Patience);
        }
        finally
        {
            _manager.Kill();
            _manager.Dispose();
        }
    }

    /// <summary>What systemd says, and the program.</summary>
    private string Log
    {
        get
        {
            var program = _directory + "/log";
            lock (_log)
                return $"{_log}{(File.Exists(program) ? File.ReadAllText(program) : "")}";
        }
    }

    private void Keep(string? line)
    {
        lock (_log)
            _log.AppendLine(line);
    }

    private async Task<string> ControlAsync(params string[] arguments)
    {
        using var process = Process.Start(Command("systemctl", ["--user", .. arguments]))!;
        using var limit = new CancellationTokenSource(Patience);
        var error = process.StandardError.ReadToEndAsync(limit.Token);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode == 0 ? output : throw new XunitException($"systemctl {string.Join(' ', arguments)}: {await error}");
    }

    private ProcessStartInfo Command(string program, params string[] arguments) => new(program, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        Environment = { ["XDG_RUNTIME_DIR"] = _directory + "/runtime", ["SYSTEMD_UNIT_PATH"] = _directory + "/units" },
    };
}
