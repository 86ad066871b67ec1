namespace Hostmemd.Sessions;

/// <summary>A client as one process leaves it to another.</summary>
internal sealed record RestoredClient
{
    public required bool Negotiated { get; init; }

    public required bool Oob { get; init; }

    public required bool ToldOfLosses { get; init; }

    /// <summary>Events on request that it gets.</summary>
    public required IReadOnlyList<string> Events { get; init; }

    /// <summary>What came and was not read.</summary>
    public required ReceivedInput Input { get; init; }

    /// <summary>What it gets first.</summary>
    public required byte[] Output { get; init; }
}
