using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Objects.Threads;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>The types that objects here can have, with what they derive from.</summary>
internal static class QomTypes
{
    private sealed record QomType(string Name, string? Parent, bool IsAbstract, Func<IEnumerable<QomProperty>> Properties);

    private const string UserCreatable = "user-creatable";

    private static readonly QomType[] All =
    [
        new("object", null, true, NoProperties),
        new("container", "object", false, NoProperties),
        new(UserCreatable, "interface", true, NoProperties),
        new("memory-backend", "object", true, () => QomPropertyVisitor.PropertiesOf(new MemoryBackendProperties())),
        new("memory-backend-file", "memory-backend", false, () => QomPropertyVisitor.PropertiesOf(new FileProperties())),
        new("memory-backend-guest-memfd", "memory-backend", false, () => QomPropertyVisitor.PropertiesOf(new GuestMemfdProperties())),
        new("memory-backend-memfd", "memory-backend", false, () => QomPropertyVisitor.PropertiesOf(new MemfdProperties())),
        new("memory-backend-ram", "memory-backend", false, () => QomPropertyVisitor.PropertiesOf(new MemoryBackendProperties())),
        new("memory-backend-shm", "memory-backend", false, () => QomPropertyVisitor.PropertiesOf(new ShmProperties())),
        new("event-loop-base", "object", true, NoProperties),
        new("iothread", "event-loop-base", false, () => QomPropertyVisitor.PropertiesOf(new IothreadProperties())),
        new("thread-context", "object", false, ThreadNode.ContextProperties),
        new("monitor", "object", true, NoProperties),
        new("monitor-qmp", "monitor", false, () => new MonitorNode(new QmpMonitor("", "", "")).Properties),
        new("memory-region", "object", false, NoProperties),
        new("device", "object", true, NoProperties),
        new(Dimm.TypeName, "device", false, () => DimmProperties.Of(null)),
        new("machine", "object", true, NoProperties),
        new("none-machine", "machine", false, NoProperties),
        new("x86-machine", "machine", true, NoProperties),
        new("generic-pc-machine", "x86-machine", true, NoProperties),
        new("pc-q35-11.1-machine", "generic-pc-machine", false, NoProperties),
    ];

    /// <summary>qom-list-types.</summary>
    public static IEnumerable<ObjectTypeInfo> List(string? implements, bool withAbstract) =>
        All.Where(type => withAbstract || !type.IsAbstract)
            .Where(type => implements is null || Derives(type, implements))
            .Select(type => new ObjectTypeInfo { Name = type.Name, Abstract = type.IsAbstract ? true : null, Parent = type.Parent });

    /// <summary>qom-list-properties.</summary>
    /// <exception cref="QmpException">There is no such type.</exception>
    public static IEnumerable<QomProperty> Properties(string typeName)
    {
        var type = Find(typeName) ?? throw ObjectErrors.ClassNotFound(typeName);
        return type.Properties().Prepend(new QomProperty("type", "string", () => Protocol.Wire.JsonNull.Instance));
    }

    /// <summary>device-list-properties: what a device of the type takes, without what every device has.</summary>
    /// <exception cref="QmpException">There is no such type, or it is no device that could be made.</exception>
    public static IEnumerable<QomProperty> DeviceProperties(string typeName)
    {
        var type = Find(typeName) ?? throw ObjectErrors.DeviceNotFound(typeName);
        if (type.IsAbstract || !Derives(type, "device"))
            throw ProtocolErrors.Expects("typename", "a non-abstract device type");
        return type.Properties().Where(property => property.Name is not ("parent_bus" or "realized" or "hotplugged" or "hotpluggable"));
    }

    public static bool IsAbstractDevice(string typeName) => Find(typeName) is { IsAbstract: true } type && Derives(type, "device");

    private static IEnumerable<QomProperty> NoProperties() => [];

    private static QomType? Find(string name) => Array.Find(All, type => type.Name == name);

    /// <summary>Whether the type is, derives from or implements another. Memory backends and the two kinds of threads are what users can create here.</summary>
    private static bool Derives(QomType type, string ancestor)
    {
        if (ancestor == UserCreatable)
            return type.Name is UserCreatable or "iothread" or "thread-context" || Derives(type, "memory-backend");
        for (var at = type; at is not null; at = at.Parent is null ? null : Find(at.Parent))
            if (at.Name == ancestor)
                return true;
        return false;
    }
}
