using Hostmemd.Protocol.Wire;

namespace Hostmemd.QmpShell.Session;

/// <summary>An answer that is on its way.</summary>
/// <param name="Id">The id it will have, as text on the wire; null for a request without.</param>
/// <param name="HasOwnId">The id is the shell's, and shown to nobody.</param>
/// <param name="IsShown">It is printed when it comes; else whoever waits for it decides.</param>
/// <param name="IsQuit">The request was to quit: the connection ends with the answer.</param>
internal sealed record ExpectedAnswer(string? Id, bool HasOwnId, bool IsShown, bool IsQuit)
{
    public TaskCompletionSource<JsonObject> Source { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
