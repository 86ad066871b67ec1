using System.Diagnostics;
using System.Text;
using Hostmemd.Keeping;
using Tmds.Linux;
using Xunit;
using Xunit.Sdk;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>The built program on a socket in a folder of its own. Its log is shown when what is done with it fails.</summary>
internal sealed class DaemonFixture : IAsyncDisposable
{
    public const int SigHup = 1;
    public const int SigInt = 2;
    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigCont = 18;
    public const int SigStop = 19;

    private readonly StringBuilder _log = new();
    private readonly Process _process;

    private DaemonFixture(string directory, string[] arguments, bool quiet, string[]? launcher)
    {
        Directory = directory;
        var start = launcher is null
            ? StartInfo(arguments)
            : new(launcher[0], [.. launcher[1..], Program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (quiet)
            start.Environment["DOTNET_TieredCompilation"] = "0";
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The program under test: HOSTMEMD_PROGRAM, or the one that was built with the tests.</summary>
    public static string Program { get; } =
        Environment.GetEnvironmentVariable("HOSTMEMD_PROGRAM") ?? Path.Combine(AppContext.BaseDirectory, "hostmemd");

    public string Directory { get; }

    public string Socket => Path.Combine(Directory, "qmp");

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Starts the program, waits until it greets, does the work and ends it.</summary>
    /// <param name="options">As on a command line; {dir} is the folder. -qmp is added where it is missing.</param>
    /// <param name="quiet">Everything is compiled once, when it is first used: afterwards the runtime maps nothing on its own.</param>
    /// <param name="launcher">What becomes the program, given its command line behind its own; it keeps the process id.</param>
    public static async Task RunAsync(string options, Func<DaemonFixture, Task> work, bool quiet = false, string[]? launcher = null)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("hostmemd-").FullName;
        try
        {
            var arguments = options.Replace("{dir}", directory, StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (!arguments.Contains("-qmp"))
                arguments = [.. arguments, "-qmp", $"unix:{directory}/qmp"];
            await using var daemon = new DaemonFixture(directory, arguments, quiet, launcher);
            try
            {
                await daemon.WaitUntilItListensAsync();
                await work(daemon);
            }
            catch (Exception e)
            {
                throw new XunitException($"{e.Message}\nthe daemon's log:\n{daemon.Log}", e);
            }
        }
        finally
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Starts the program in a folder that may have been another's before; whoever starts it disposes it.</summary>
    public static async Task<DaemonFixture> StartAsync(string directory, string options)
    {
        var daemon = new DaemonFixture(
            directory, [.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), "-qmp", $"unix:{directory}/qmp"], quiet: false, launcher: null);
        try
        {
            await daemon.WaitUntilItListensAsync();
            return daemon;
        }
        catch (Exception e)
        {
            await daemon.DisposeAsync();
            throw new XunitException($"{e.Message}\nthe daemon's log:\n{daemon.Log}", e);
        }
    }

    /// <summary>Ends it as a crash does, and waits until it is gone.</summary>
    public async Task CrashAsync()
    {
        Signal(SigKill);
        await WaitForExitAsync();
    }

    /// <summary>Runs the program until it ends by itself.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunToEndAsync(params string[] arguments)
    {
        using var process = Process.Start(StartInfo(arguments))!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(QmpClient.Patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"hostmemd {string.Join(' ', arguments)} did not end");
        }
        return (process.ExitCode, await output, await error);
    }

    /// <summary>A client that has negotiated.</summary>
    public async Task<QmpClient> ConnectAsync(string? socket = null) => await (await QmpClient.ConnectAsync(socket ?? Socket)).NegotiateAsync();

    public void Signal(int signal) => Assert.Equal(0, LibC.kill(Pid, signal));

    /// <returns>Whether it has ended, or does so within the time.</returns>
    public async Task<bool> EndsWithinAsync(TimeSpan time)
    {
        using var limit = new CancellationTokenSource(time);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <returns>The exit status.</returns>
    public async Task<int> WaitForExitAsync()
    {
        using var limit = new CancellationTokenSource(QmpClient.Patience);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signal(SigTerm);
            using var limit = new CancellationTokenSource(QmpClient.Patience);
            try
            {
                await _process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                await KillAsync();
            }
        }
        _process.Dispose();
    }

    /// <summary>It hangs: what it would leave behind goes too.</summary>
    private async Task KillAsync()
    {
        _process.Kill();
        var paths = new KeepPaths(Socket);
        if (!File.Exists(paths.Keeper) || await KeeperProcess.FindAsync(new LinuxKernel(), paths, []) is not { } left)
            return;
        foreach (var file in left.Kept.Values)
            file.Dispose();
        await left.Keeper.QuitAsync();
    }

    private static ProcessStartInfo StartInfo(string[] arguments) =>
        new(Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };

    private void Keep(string? line)
    {
        lock (_log)
            _log.AppendLine(line);
    }

    private async Task WaitUntilItListensAsync()
    {
        var end = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await using var client = await QmpClient.ConnectAsync(Socket);
                await client.ReceiveAsync();
                return;
            }
            catch (Exception e) when (e is System.Net.Sockets.SocketException or EndOfStreamException && end.Elapsed < QmpClient.Patience)
            {
                if (_process.HasExited)
                    throw new InvalidOperationException($"the daemon ended with status {_process.ExitCode}", e);
                await Task.Delay(5);
            }
        }
    }
}
