using System.Net.Sockets;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>What a player needs to know of the server and the host.</summary>
internal sealed record TranscriptSession
{
    /// <summary>Opens one more connection to the server.</summary>
    public required Func<CancellationToken, Task<Socket>> Connect { get; init; }

    /// <summary>Where files and folders of the transcript are made; the server sees it under the same name.</summary>
    public required string Directory { get; init; }

    /// <summary>How long the server may take for a step; a transcript can ask for more.</summary>
    public TimeSpan StepTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long nothing must come to count as silence.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(0.2);

    /// <summary>Is told each line that is sent or received, with its arrow.</summary>
    public Action<string>? Observer { get; init; }
}
