namespace Hostmemd.QmpShell.Input;

/// <summary>The lines of <c>-c</c>, one after another.</summary>
internal sealed class GivenLines(IEnumerable<string> lines) : ILineSource
{
    private readonly Queue<string> _lines = new(lines);

    public Task<string?> ReadLineAsync(string prompt, CancellationToken cancellationToken) =>
        Task.FromResult(_lines.TryDequeue(out string? line) ? line : null);
}
