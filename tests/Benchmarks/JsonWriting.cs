using System.Buffers;
using BenchmarkDotNet.Attributes;
using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Benchmarks;

/// <summary>Values to bytes.</summary>
public class JsonWriting
{
    private readonly ArrayBufferWriter<byte> _buffer = new(1 << 20);
    private readonly StatusInfo _status = new() { Running = true, Status = RunState.Running };
    private readonly CommandTable<Sessions.Client> _commands = CommandList.Create();
    private readonly string _text = new('x', 1 << 20);

    /// <summary>The reply to query-status.</summary>
    [Benchmark]
    public int SmallReply()
    {
        var writer = Begin();
        writer.BeginObject();
        writer.Name("return");
        writer.BeginObject();
        _status.Visit(new OutputVisitor(writer));
        writer.EndObject();
        writer.EndObject();
        return _buffer.WrittenCount;
    }

    /// <summary>The schema made from the declarations; the daemon does it once.</summary>
    [Benchmark]
    public int Schema() => SchemaText.Schema(_commands.Commands, Events.All).Utf8.Length;

    [Benchmark]
    public int Megabyte()
    {
        Begin().Text(_text);
        return _buffer.WrittenCount;
    }

    private JsonWriter Begin()
    {
        _buffer.ResetWrittenCount();
        return new JsonWriter(_buffer);
    }
}
