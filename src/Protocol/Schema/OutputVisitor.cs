using System.Buffers;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>Writes a type as JSON.</summary>
public sealed class OutputVisitor(JsonWriter writer) : Visitor
{
    /// <summary>The value as a tree, for code that wants single members of it.</summary>
    public static JsonObject ToObject(IQapiType value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        Write(value, buffer);
        new JsonReader().TryRead(buffer.WrittenSpan, out _, out var reading);
        return (JsonObject)reading.Value!;
    }

    /// <summary>Writes the value as an object of its own.</summary>
    public static void Write(IQapiType value, IBufferWriter<byte> output)
    {
        var writer = new JsonWriter(output);
        writer.BeginObject();
        value.Visit(new OutputVisitor(writer));
        writer.EndObject();
    }

    public override void Branch<T>(string discriminator, string caseName, bool taken, ref T branch)
    {
        if (taken)
            branch.Visit(this);
    }

    public override void Text(ref string value) => writer.Text(value);

    public override void Bool(ref bool value) => writer.Bool(value);

    public override void Signed(ref long value) => writer.Number(value);

    public override void Unsigned(ref ulong value, IntegerKind kind) => writer.Number(value);

    public override void Any(ref JsonValue value) => writer.Value(value);

    public override void Struct<T>(ref T value)
    {
        writer.BeginObject();
        value.Visit(this);
        writer.EndObject();
    }

    public override void List<T>(ref List<T> value, VisitElement<T> element)
    {
        writer.BeginArray();
        foreach (var item in value)
        {
            var copy = item;
            element(this, ref copy);
        }
        writer.EndArray();
    }

    public override bool Cached(JsonRaw? text)
    {
        if (text is null)
            return false;
        writer.Raw(text.Utf8);
        return true;
    }

    protected override bool Begin(in Member member, bool present)
    {
        if (present)
            writer.Name(member.Name);
        return present;
    }

    protected override void Enumeration(ref int index, EnumTable table) => writer.Text(table.Values[index].Name);
}
