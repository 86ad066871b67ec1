using StreamJsonRpc;
using StreamJsonRpc.Protocol;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// A request on its way through the engine. The engine gets an id of its own, always unique, and one method name for all commands; what the
/// client sent as id is any JSON value and is only carried along (decision 0002).
/// </summary>
internal sealed class QmpRequest : JsonRpcRequest
{
    /// <summary>The one method the engine knows; never a client's string.</summary>
    public const string EngineMethod = "qmp";

    public QmpRequest(long engineId, JsonReading reading, bool outOfBand)
    {
        RequestId = new RequestId(engineId);
        Method = EngineMethod;
        Reading = reading;
        IsOutOfBand = outOfBand;
        ClientId = (reading.Value as JsonObject)?["id"];
    }

    /// <summary>The value that came, or what was wrong with it.</summary>
    public JsonReading Reading { get; }

    /// <summary>To be carried out at once, ahead of the session's in-band commands.</summary>
    public bool IsOutOfBand { get; }

    /// <summary>About how many bytes of memory it takes, which its session's account holds until it is answered.</summary>
    public long Cost => Reading.Cost;

    /// <summary>Bytes of the session's input up to its end.</summary>
    public long End { get; init; }

    /// <summary>Completed when it is answered, where somebody waits for that.</summary>
    public TaskCompletionSource? Answered { get; init; }

    /// <summary>The client's id, echoed as it came; null where there was none.</summary>
    public JsonValue? ClientId { get; }
}
