using System.Buffers;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Session;

/// <summary>The first message of a session.</summary>
public static class Greeting
{
    /// <summary>The greeting's line; the same for all sessions.</summary>
    /// <param name="version">query-version's answer.</param>
    public static ReadOnlyMemory<byte> Format(IQapiType version)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new JsonWriter(buffer);
        writer.BeginObject();
        writer.Name("QMP");
        writer.BeginObject();
        writer.Name("version");
        writer.BeginObject();
        version.Visit(new OutputVisitor(writer));
        writer.EndObject();
        writer.Name("capabilities");
        writer.BeginArray();
        writer.Text("oob");
        writer.EndArray();
        writer.EndObject();
        writer.EndObject();
        buffer.Write("\r\n"u8);
        return buffer.WrittenMemory;
    }
}
