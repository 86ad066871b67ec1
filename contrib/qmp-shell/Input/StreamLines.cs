using Hostmemd.QmpShell.Output;

namespace Hostmemd.QmpShell.Input;

/// <summary>Lines of a pipe, a file, or a terminal that can do nothing but print.</summary>
/// <param name="input">Read to its end; it stays the caller's.</param>
/// <param name="prompts">Where a prompt stands before each line; null: nowhere.</param>
/// <param name="isTerminal">What comes while a line is awaited starts on a line of its own.</param>
internal sealed class StreamLines(TextReader input, ShellOutput? prompts, bool isTerminal) : ILineSource, IEditedLine
{
    private string _prompt = "";
    private Task<string?>? _reading;

    public async Task<string?> ReadLineAsync(string prompt, CancellationToken cancellationToken)
    {
        _prompt = prompt;
        prompts?.Draw(terminal => terminal.Write(prompt));
        if (isTerminal)
            prompts?.Edit(this);
        try
        {
            // A line that is being read cannot be given up; the wait for it can.
            _reading ??= Task.Run(async () => await input.ReadLineAsync(CancellationToken.None).ConfigureAwait(false), CancellationToken.None);
            string? line = await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
            _reading = null;
            if (line is null)
                prompts?.Draw(terminal => terminal.WriteLine());
            return line;
        }
        finally
        {
            prompts?.Edit(null);
        }
    }

    public void Erase(TextWriter terminal) => terminal.WriteLine();

    public void Draw(TextWriter terminal) => terminal.Write(_prompt);
}
