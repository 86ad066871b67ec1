using System.Diagnostics;

namespace Hostmemd.Conformance.Shell;

/// <summary>The built qmp-shell as a user runs it from a script: lines in, lines and an exit status out.</summary>
internal sealed class ShellProcess : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly CancellationTokenSource _limit = new(Deadline);

    private ShellProcess(Process process) => _process = process;

    public static ShellProcess Start(params string[] arguments) =>
        new(Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "qmp-shell"), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!);

    public Task TypeAsync(string line) => _process.StandardInput.WriteLineAsync(line);

    /// <summary>The next line of the standard output; null at its end.</summary>
    public async Task<string?> NextLineAsync() => await _process.StandardOutput.ReadLineAsync(_limit.Token);

    /// <summary>Ends the input, unless <paramref name="endInput"/> is false, and waits for the exit.</summary>
    public async Task<(int Status, string Output, string Errors)> EndAsync(bool endInput = true)
    {
        if (endInput)
            _process.StandardInput.Close();
        Task<string> errors = _process.StandardError.ReadToEndAsync(_limit.Token);
        string rest = await _process.StandardOutput.ReadToEndAsync(_limit.Token);
        await _process.WaitForExitAsync(_limit.Token);
        return (_process.ExitCode, rest.TrimEnd(), (await errors).TrimEnd());
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _limit.Dispose();
    }
}
