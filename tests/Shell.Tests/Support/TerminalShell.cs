using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>The built qmp-shell on a terminal of its own, a real one of the kernel's (pty), as a person has it.</summary>
internal sealed class TerminalShell : IDisposable
{
    public const int Columns = 80;

    private const nuint UnlockSlave = 0x40045431; // TIOCSPTLCK
    private const nuint SlaveNumber = 0x80045430; // TIOCGPTN
    private const nuint SetSize = 0x5414;         // TIOCSWINSZ

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly SafeFileHandle _master;
    private readonly FileStream _stream;
    private readonly Process _process;
    private readonly ScratchDirectory _home = new();
    private readonly Lock _lock = new();
    private readonly Screen _screen = new(Columns);
    private readonly StringBuilder _raw = new();
    private readonly SemaphoreSlim _changed = new(0);

    private TerminalShell(string terminal, string? home, IEnumerable<string> arguments)
    {
        _master = File.OpenHandle("/dev/ptmx", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        int value = 0;
        Check(ioctl(_master, UnlockSlave, ref value));
        Check(ioctl(_master, SlaveNumber, ref value));
        // struct winsize: rows, columns, and two that are not used.
        long size = 24 | (Columns << 16);
        Check(ioctl(_master, SetSize, ref size));
        _stream = new FileStream(_master, FileAccess.ReadWrite, bufferSize: 0);
        var start = new ProcessStartInfo("sh")
        {
            ArgumentList = { "-c", $"exec env --default-signal=INT setsid --ctty \"$0\" \"$@\" <>/dev/pts/{value} >&0 2>&1", ShellProcess.Program },
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["TERM"] = terminal;
        start.Environment["HOME"] = home ?? _home.Path;
        start.Environment.Remove("XDG_STATE_HOME");
        start.Environment.Remove("INPUTRC");
        _process = Process.Start(start)!;
        new Thread(Read) { IsBackground = true }.Start();
    }

    public string Raw
    {
        get
        {
            lock (_lock)
                return _raw.ToString();
        }
    }

    public int Id => _process.Id;

    public static TerminalShell Start(params string[] arguments) => new("xterm", null, arguments);

    public static TerminalShell StartDumb(params string[] arguments) => new("dumb", null, arguments);

    public static TerminalShell StartAt(string home, params string[] arguments) => new("xterm", home, arguments);

    public void Type(string text) => _stream.Write(Encoding.UTF8.GetBytes(text));

    /// <summary>Waits until the cursor's row is this one, and the cursor at its end unless a column is given.</summary>
    public Task ShowsAsync(string row, int? column = null) => UntilAsync(
        screen => screen.Current == row.TrimEnd() && screen.Column == (column ?? row.Length), $"the row '{row}'");

    /// <summary>Waits until a row is on the screen.</summary>
    public Task HasAsync(string row) => UntilAsync(screen => screen.Rows.Contains(row), $"a row '{row}'");

    public async Task UntilAsync(Func<Screen, bool> condition, string what)
    {
        using var limit = new CancellationTokenSource(Deadline);
        while (true)
        {
            lock (_lock)
                if (condition(_screen))
                    return;
            try
            {
                await _changed.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                lock (_lock)
                    throw new TimeoutException($"{what} did not come; cursor {_screen.Row},{_screen.Column} on\n{string.Join('\n', _screen.Rows)}");
            }
        }
    }

    public async Task<int> EndAsync()
    {
        using var limit = new CancellationTokenSource(Deadline);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _stream.Dispose();
        _home.Dispose();
        _changed.Dispose();
    }

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ioctl(SafeFileHandle fd, nuint request, ref int value);

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ioctl(SafeFileHandle fd, nuint request, ref long value);

    private static void Check(int result) =>
        Assert.True(result >= 0, string.Create(CultureInfo.InvariantCulture, $"ioctl: errno {Marshal.GetLastPInvokeError()}"));

    private void Read()
    {
        byte[] buffer = new byte[4096];
        Decoder decoder = Encoding.UTF8.GetDecoder();
        char[] characters = new char[4096];
        try
        {
            while (_stream.Read(buffer) is var count and > 0)
            {
                int length = decoder.GetChars(buffer, 0, count, characters, 0);
                lock (_lock)
                {
                    _raw.Append(characters, 0, length);
                    _screen.Write(new string(characters, 0, length));
                }

                _changed.Release();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The shell has closed its end, or the test its own.
        }
    }
}
