using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Client;

/// <summary>How a <see cref="QmpClient"/> opens its session.</summary>
public sealed record QmpClientOptions
{
    /// <summary>Waits for a greeting, without which the server does not count as one. qemu-ga sends none, and knows no negotiation.</summary>
    public bool ExpectGreeting { get; init; } = true;

    /// <summary>Sends qmp_capabilities after the greeting; without it that is the caller's first command.</summary>
    public bool Negotiate { get; init; } = true;

    /// <summary>Enables out-of-band execution where the server offers it.</summary>
    public bool EnableOob { get; init; }

    /// <summary>Events that may wait to be read; beyond that the oldest are dropped and counted.</summary>
    public int EventCapacity { get; init; } = 1024;

    /// <summary>
    /// Told, in the order they come and before anyone else, of the messages that answer no call: the greeting, events, answers to what was sent
    /// verbatim. It runs on the reading thread: the server waits while it does, and its exception ends the connection. It must not dispose
    /// the client.
    /// </summary>
    public Action<JsonObject>? Unsolicited { get; init; }
}
