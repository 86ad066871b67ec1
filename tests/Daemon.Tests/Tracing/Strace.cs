using System.Diagnostics;
using System.Globalization;
using Tmds.Linux;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>strace, attached to a running program with all its threads.</summary>
internal sealed class Strace : IAsyncDisposable
{
    /// <summary>What makes memory: nothing else is traced, so that everything else runs as fast as it does.</summary>
    private const string Calls =
        "trace=memfd_create,openat,ftruncate,fallocate,fcntl,ioctl,mmap,munmap,madvise,mbind,unlink,unlinkat,mprotect";

    private const int Tries = 3;

    private readonly Process _strace;
    private readonly string _file;
    private readonly int _pid;

    private Strace(Process strace, string file, int pid) => (_strace, _file, _pid) = (strace, file, pid);

    /// <summary>Attaches; when this returns, every thread's next call is seen.</summary>
    /// <param name="injections">As "madvise:error=ENOMEM:when=2"; calls are counted from now on, on each thread for itself.</param>
    public static async Task<Strace> AttachAsync(int pid, params string[] injections)
    {
        // A thread that is just ending may keep it from attaching.
        for (var tried = 1; ; tried++)
        {
            var (strace, said) = await TryAttachAsync(pid, injections);
            if (strace is not null)
                return strace;
            if (tried == Tries)
                throw new InvalidOperationException($"strace does not attach: {said}");
        }
    }

    private static async Task<(Strace? Strace, string Said)> TryAttachAsync(int pid, string[] injections)
    {
        var file = Path.GetTempFileName();
        string[] arguments =
        [
            "-f", "-o", file, "-e", Calls, "-e", "signal=none", .. injections.SelectMany(injection => new[] { "-e", "inject=" + injection }),
            "-p", pid.ToString(CultureInfo.InvariantCulture),
        ];
        var strace = Process.Start(new ProcessStartInfo("strace", arguments) { RedirectStandardError = true })!;
        // "strace: Process 1234 attached with 12 threads".
        var said = "";
        while (await strace.StandardError.ReadLineAsync() is { } line)
        {
            said = line;
            if (line.EndsWith("threads", StringComparison.Ordinal) || line.EndsWith("attached", StringComparison.Ordinal))
                return (new Strace(strace, file, pid), line);
        }
        await strace.WaitForExitAsync();
        strace.Dispose();
        File.Delete(file);
        return (null, said);
    }

    /// <summary>Detaches and gives the calls that were made meanwhile.</summary>
    public async Task<IReadOnlyList<TraceCall>> DetachAsync()
    {
        // strace 6.1 hangs when it is to let go of a process or a thread that is just ending.
        await Eventually.TrueAsync(
            () => !Directory.Exists($"/proc/{_pid}") || (Children.Of(_pid).Count == 0 && !HasThreadsThatEnd()),
            () => "a child or a thread of the program does not end");
        var rest = _strace.StandardError.ReadToEndAsync();
        // It has ended already when the program has.
        if (!_strace.HasExited)
            _ = LibC.kill(_strace.Id, Processes.DaemonFixture.SigInt);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            await _strace.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // It hangs all the same; what it saw is written, and the kernel lets the program go on.
            _strace.Kill();
            await _strace.WaitForExitAsync();
        }
        await rest;
        return TraceReader.Read(await File.ReadAllLinesAsync(_file));
    }

    /// <summary>Those that do slow work end with it; the others last.</summary>
    private bool HasThreadsThatEnd() => Threads.Names(_pid).Any(name => name is "slow-work" or "populate");

    public async ValueTask DisposeAsync()
    {
        if (!_strace.HasExited)
        {
            _strace.Kill();
            await _strace.WaitForExitAsync();
        }
        _strace.Dispose();
        File.Delete(_file);
    }
}
