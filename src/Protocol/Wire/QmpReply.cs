using System.Buffers;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using StreamJsonRpc.Protocol;

namespace Hostmemd.Protocol.Wire;

/// <summary>
/// The answer to one request: a result or an error, with the client's id. It is formatted at once, so that a result that cannot be written
/// fails where its command would.
/// </summary>
internal sealed class QmpReply : JsonRpcResult
{
    private readonly ArrayBufferWriter<byte> _line = new(256);

    public QmpReply(QmpRequest request, CommandResult result)
        : this(request, result, null)
    {
    }

    public QmpReply(QmpRequest request, QmpException error)
        : this(request, null, error)
    {
    }

    private QmpReply(QmpRequest request, CommandResult? result, QmpException? error)
    {
        Request = request;
        RequestId = request.RequestId;
        IsError = error is not null;
        Write(result, error);
    }

    public QmpRequest Request { get; }

    public bool IsError { get; }

    /// <summary>The reply as one line.</summary>
    public ReadOnlySpan<byte> Utf8 => _line.WrittenSpan;

    // Member order is QEMU's: return before id, id before error.
    private void Write(CommandResult? result, QmpException? error)
    {
        var writer = new JsonWriter(_line);
        writer.BeginObject();
        if (result is not null)
        {
            writer.Name("return");
            result.Write(new OutputVisitor(writer));
        }
        if (Request.ClientId is { } id)
        {
            writer.Name("id");
            writer.Value(id);
        }
        if (error is not null)
        {
            writer.Name("error");
            writer.BeginObject();
            writer.Name("class");
            writer.Text(error.ErrorClass.ToString());
            writer.Name("desc");
            writer.Text(error.Message);
            writer.EndObject();
        }
        writer.EndObject();
        _line.Write("\r\n"u8);
    }
}
