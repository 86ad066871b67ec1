using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Native;
using Hostmemd.QmpShell.Output;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell.Show;

/// <summary><c>show</c> and <c>watch</c>.</summary>
internal sealed class ShowCommand(ShellSession session, ShellOutput output, bool isTerminal)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Paint _paint = new(isTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));

    /// <param name="words">The word of the shell, and what it is about.</param>
    /// <exception cref="FormatException">Neither memory nor backends.</exception>
    public async Task ExecuteAsync(IReadOnlyList<LineWord> words, CancellationToken cancellationToken)
    {
        Func<Task<string>> draw = words is [_, { Plain: "memory" }] ? () => MemoryMap.DrawAsync(session, _paint, cancellationToken)
            : words is [_, { Plain: "backends" }] ? () => BackendTable.DrawAsync(session, _paint, cancellationToken)
            : throw new FormatException($"{words[0].Plain} what? memory or backends");
        if (words[0].Plain == LocalCommands.Show)
            output.Write(await draw().ConfigureAwait(false));
        else
            await WatchAsync(draw, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Until it is cancelled. On a terminal each picture takes the last one's place.</summary>
    private async Task WatchAsync(Func<Task<string>> draw, CancellationToken cancellationToken)
    {
        int drawn = 0;
        while (!session.Completion.IsCompleted)
        {
            string picture = await draw().ConfigureAwait(false) + await JobBars.DrawAsync(session, _paint, cancellationToken).ConfigureAwait(false);
            int columns = isTerminal ? Terminal.Columns(StandardStream.Output) : int.MaxValue;
            string[] lines = [.. picture.TrimEnd('\n').Split('\n').Select(line => Cut(line, columns))];
            output.Write((isTerminal && drawn > 0 ? $"\x1b[{drawn}A\r\x1b[J" : drawn > 0 ? "\n" : "") + string.Join('\n', lines) + "\n");
            drawn = lines.Length;
            await Task.WhenAny(Task.Delay(Period, cancellationToken), session.Completion).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>A line that went on in a second row could not be taken back. Paint takes no columns, so it is cut late rather than early.</summary>
    private static string Cut(string line, int columns) =>
        line.Contains('\x1b', StringComparison.Ordinal) || line.Length < columns ? line : line[..(columns - 1)];
}
