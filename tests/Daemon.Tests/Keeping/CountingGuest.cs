using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>A process with a VM of its own on a backend of the daemon, whose vCPU counts there without end (counter.c).</summary>
internal sealed class CountingGuest : IDisposable
{
    /// <summary>Where in the memory the counter is, bytes.</summary>
    public const ulong CounterAt = 0x2000;

    private readonly Process _process;

    private CountingGuest(Process process) => _process = process;

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Compiles the program.</summary>
    /// <returns>Its path, in the folder.</returns>
    public static async Task<string> CompileAsync(string folder)
    {
        var program = Path.Combine(folder, "counter");
        using var gcc = Process.Start("gcc", ["-O2", "-D_GNU_SOURCE", "-pthread", "-o", program, Path.Combine(AppContext.BaseDirectory, "counter.c")]);
        await gcc.WaitForExitAsync();
        Assert.Equal(0, gcc.ExitCode);
        return program;
    }

    public static async Task<CountingGuest> StartAsync(string program, string socket, string backend, ulong size)
    {
        var process = Process.Start(new ProcessStartInfo(program, [socket, backend, size.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var guest = new CountingGuest(process);
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());
        return guest;
    }

    /// <summary>The counter, as the process sees it.</summary>
    public async Task<uint> CountAsync()
    {
        await _process.StandardInput.WriteLineAsync("?");
        await _process.StandardInput.FlushAsync();
        return uint.Parse((await _process.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
