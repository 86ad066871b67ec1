using System.Diagnostics;

namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>The built qmp-shell as a user runs it from a script: lines in, lines and an exit status out.</summary>
internal sealed class ShellProcess : IDisposable
{
    public static readonly string Program = Path.Combine(AppContext.BaseDirectory, "qmp-shell");

    /// <summary>What a server that is slow to greet makes the shell say; on a busy machine any server may be.</summary>
    public const string NoGreetingYet = "qmp-shell: no greeting yet; perhaps another client has this socket\n";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly CancellationTokenSource _limit = new(Deadline);

    private ShellProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public static ShellProcess Start(params string[] arguments) => Start(new Dictionary<string, string>(), arguments);

    public static ShellProcess Start(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove(ShellOptions.SocketVariable);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new ShellProcess(Process.Start(start)!);
    }

    /// <summary>Runs it with these lines as its input, to its end.</summary>
    public static async Task<(int Status, string Output, string Errors)> RunAsync(string input, params string[] arguments)
    {
        using ShellProcess shell = Start(arguments);
        await shell._process.StandardInput.WriteAsync(input);
        return await shell.EndAsync();
    }

    public async Task TypeAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>The next line of the standard output; null at its end.</summary>
    public async Task<string?> NextLineAsync() => await _process.StandardOutput.ReadLineAsync(_limit.Token);

    /// <summary>Ends the input, unless <paramref name="endInput"/> is false, and waits for the exit.</summary>
    /// <param name="withNote">Errors have <see cref="NoGreetingYet"/> where it was said.</param>
    public async Task<(int Status, string Output, string Errors)> EndAsync(bool endInput = true, bool withNote = false)
    {
        if (endInput)
            _process.StandardInput.Close();
        Task<string> errors = _process.StandardError.ReadToEndAsync(_limit.Token);
        string rest = await _process.StandardOutput.ReadToEndAsync(_limit.Token);
        await _process.WaitForExitAsync(_limit.Token);
        string said = withNote ? await errors : (await errors).Replace(NoGreetingYet, "", StringComparison.Ordinal);
        return (_process.ExitCode, rest.TrimEnd(), said.TrimEnd());
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _limit.Dispose();
    }
}
