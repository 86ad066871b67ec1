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
    /// <param name="line">Holds the reply from here on; its taker's to give back.</param>
    public QmpReply(QmpRequest request, CommandResult result, MessageBuffer line)
        : this(request, result, null, line)
    {
    }

    /// <inheritdoc cref="QmpReply(QmpRequest, CommandResult, MessageBuffer)"/>
    public QmpReply(QmpRequest request, QmpException error, MessageBuffer line)
        : this(request, null, error, line)
    {
    }

    private QmpReply(QmpRequest request, CommandResult? result, QmpException? error, MessageBuffer line)
    {
        Request = request;
        RequestId = request.RequestId;
        IsError = error is not null;
        Line = line;
        Write(result, error);
    }

    public QmpRequest Request { get; }

    public bool IsError { get; }

    /// <summary>The reply as one line.</summary>
    public MessageBuffer Line { get; }

    // Member order is QEMU's: return before id, id before error.
    private void Write(CommandResult? result, QmpException? error)
    {
        var writer = new JsonWriter(Line);
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
        Line.Write("\r\n"u8);
    }
}
