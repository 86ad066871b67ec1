namespace Hostmemd.QmpShell.Input;

/// <summary>Where lines come from: a terminal, a pipe, a file, the command line.</summary>
internal interface ILineSource
{
    /// <summary>The next line; null at the end.</summary>
    /// <param name="prompt">What asks for it, where somebody is asked.</param>
    /// <exception cref="OperationCanceledException">The wait was given up, by the token or by Ctrl-C.</exception>
    Task<string?> ReadLineAsync(string prompt, CancellationToken cancellationToken);
}
