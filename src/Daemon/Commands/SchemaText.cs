using System.Buffers;
using Hostmemd.Api;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Commands;

/// <summary>The answers that are the same every time, as text.</summary>
internal static class SchemaText
{
    public static JsonRaw Commands(IEnumerable<ICommandDeclaration> commands) =>
        Write([.. commands.Select(command => new CommandInfo { Name = command.Name })]);

    public static JsonRaw Schema(IEnumerable<ICommandDeclaration> commands, IEnumerable<EventDeclaration> events) =>
        Write(IntrospectionVisitor.Schema(commands, events));

    private static JsonRaw Write<T>(List<T> list)
        where T : class, IQapiType, new()
    {
        var buffer = new ArrayBufferWriter<byte>();
        Shapes.StructList(new OutputVisitor(new JsonWriter(buffer)), ref list);
        return new JsonRaw(buffer.WrittenMemory);
    }
}
