using System.Buffers;
using StreamJsonRpc;
using StreamJsonRpc.Protocol;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// The engine asks every handler for a formatter; ours need none, as the handlers make and write messages themselves. It has none of the
/// stock formatters' features, which a client could reach.
/// </summary>
internal sealed class QmpFormatter : IJsonRpcMessageFormatter
{
    public JsonRpcMessage Deserialize(ReadOnlySequence<byte> contentBuffer) => throw new NotSupportedException();

    public void Serialize(IBufferWriter<byte> bufferWriter, JsonRpcMessage message) => throw new NotSupportedException();

    public object GetJsonText(JsonRpcMessage message) => message.ToString() ?? "";
}
