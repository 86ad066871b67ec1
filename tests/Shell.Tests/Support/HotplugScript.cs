using System.Diagnostics;
using System.Globalization;

namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>docs/examples/hotplug.sh as its readers run it.</summary>
internal sealed class HotplugScript : IDisposable
{
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "examples", "hotplug.sh");

    private readonly Process _process;
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(120));

    private HotplugScript(Process process) => _process = process;

    /// <param name="path">PATH in place of the tests' own.</param>
    public static HotplugScript Start(IEnumerable<string> arguments, string? path = null)
    {
        var start = new ProcessStartInfo("/bin/bash", [Script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (path is not null)
            start.Environment["PATH"] = path;
        return new HotplugScript(Process.Start(start)!);
    }

    public static async Task<(int Status, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        using HotplugScript script = Start(arguments);
        return await script.EndAsync();
    }

    public async Task TerminateAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(_limit.Token);
    }

    public async Task<(int Status, string Output, string Errors)> EndAsync()
    {
        Task<string> errors = _process.StandardError.ReadToEndAsync(_limit.Token);
        string output = await _process.StandardOutput.ReadToEndAsync(_limit.Token);
        await _process.WaitForExitAsync(_limit.Token);
        return (_process.ExitCode, output, await errors);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
        _limit.Dispose();
    }
}
