using System.Buffers;
using Hostmemd.Protocol.Session;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>An event as the schema and the manual know it.</summary>
public abstract class EventDeclaration(string name, string doc)
{
    public string Name { get; } = name;

    public string Doc { get; } = doc;

    public Features Features { get; init; }

    /// <summary>Only sessions that subscribed get it: typed clients fail on names they do not know.</summary>
    public bool OnRequest { get; init; }

    /// <summary>Visits the data as one struct.</summary>
    public abstract void VisitData(Visitor v);

    /// <summary>Visits the data's members one by one.</summary>
    public abstract void VisitDataMembers(Visitor v);
}

/// <summary>An event with the type of its data; <see cref="Nothing"/> leaves the member out.</summary>
public sealed class EventDeclaration<TData>(string name, string doc) : EventDeclaration(name, doc)
    where TData : class, IQapiType, new()
{
    public override void VisitData(Visitor v)
    {
        var data = new TData();
        v.Struct(ref data);
    }

    public override void VisitDataMembers(Visitor v) => new TData().Visit(v);

    /// <summary>The event of this moment.</summary>
    /// <param name="data">Not changed any more.</param>
    public EventMessage Make(TData data, TimeProvider clock) => Make(() => data, clock);

    /// <summary>The event of this moment, its data put together when a session gets it: own events nearly nobody wants to know of.</summary>
    /// <param name="data">Makes it of what does not change any more. Any thread.</param>
    /// <param name="forReadOnly">What read-only sessions get in its place; null: the same.</param>
    public EventMessage Make(Func<TData> data, TimeProvider clock, Func<TData>? forReadOnly = null)
    {
        var microseconds = clock.GetUtcNow().Subtract(DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        return new EventMessage(this, () => Format(data(), microseconds))
        {
            ForReadOnly = forReadOnly is null ? null : new EventMessage(this, () => Format(forReadOnly(), microseconds)),
        };
    }

    private byte[] Format(TData data, long microseconds)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        var writer = new JsonWriter(buffer);
        writer.BeginObject();
        writer.Name("timestamp");
        writer.BeginObject();
        writer.Name("seconds");
        writer.Number(microseconds / 1_000_000);
        writer.Name("microseconds");
        writer.Number(microseconds % 1_000_000);
        writer.EndObject();
        writer.Name("event");
        writer.Text(Name);
        if (data is not Nothing)
        {
            writer.Name("data");
            writer.BeginObject();
            data.Visit(new OutputVisitor(writer));
            writer.EndObject();
        }
        writer.EndObject();
        buffer.Write("\r\n"u8);
        return buffer.WrittenSpan.ToArray();
    }
}
