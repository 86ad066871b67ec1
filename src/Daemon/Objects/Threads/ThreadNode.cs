using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects.Threads;

/// <summary>An iothread or a thread-context under /objects.</summary>
internal sealed class ThreadNode(PublishedThread published, IKernel kernel) : QomNode(published.Thread.QomPath, published.Thread.TypeName)
{
    public PublishedThread Published { get; } = published;

    public override IEnumerable<QomProperty> Properties => Published.Iothread is { } iothread
        ? QomPropertyVisitor.PropertiesOf(iothread)
        : ContextProperties(
            () => JsonNumber.Of(Published.Thread.Tid),
            () => new JsonArray([.. ThreadAffinity.CpusOf(kernel, Published.Thread.Tid).Select(cpu => (JsonValue)JsonNumber.Of(cpu))]));

    /// <summary>The properties of the type thread-context, without values.</summary>
    public static IEnumerable<QomProperty> ContextProperties() => ContextProperties(() => JsonNull.Instance, () => JsonNull.Instance);

    private static IEnumerable<QomProperty> ContextProperties(Func<JsonValue> threadId, Func<JsonValue> cpus) =>
    [
        new("thread-id", "int", threadId),
        new("node-affinity", "int", null),
        new("cpu-affinity", "int", cpus),
    ];
}
