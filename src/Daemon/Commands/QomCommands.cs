using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Objects;
using Hostmemd.Objects.Threads;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Looking at and changing properties of objects.</summary>
internal static class QomCommands
{
    public static List<ObjectPropertyInfo> List(Client client, QomPathArguments arguments) =>
        [.. Tree(client).ResolveOrSayAmbiguous(arguments.Path).AllProperties.Select(property => property.ToInfo(described: false))];

    public static List<ObjectPropertiesValues> ListGet(Client client, QomListGetArguments arguments)
    {
        var tree = Tree(client);
        return [.. arguments.Paths.Select(path => new ObjectPropertiesValues
        {
            Properties = [.. tree.ResolveOrSayAmbiguous(path).AllProperties.Select(property => new ObjectPropertyValue
            {
                Name = property.Name,
                Type = property.Type,
                Value = property.Read?.Invoke(),
            })],
        })];
    }

    public static JsonValue Get(Client client, QomGetArguments arguments)
    {
        var node = Tree(client).Resolve(arguments.Path);
        var property = Find(node, arguments.Property);
        return property.Read?.Invoke() ?? throw ObjectErrors.NotReadable(node.TypeName, property.Name);
    }

    public static async ValueTask<Nothing> SetAsync(Client client, QomSetArguments arguments)
    {
        var node = Tree(client).Resolve(arguments.Path);
        var property = Find(node, arguments.Property);
        switch (node)
        {
            case BackendNode backend when property.Name != "type" && !property.Type.StartsWith("child<", StringComparison.Ordinal):
                await BackendChange.SetAsync(client.Guest, client.Work, backend.Published, property.Name, arguments.Value).ConfigureAwait(false);
                break;
            case ThreadNode thread when property.Name != "type":
                ThreadChange.Set(client.Guest, thread.Published, property.Name, arguments.Value);
                break;
            case DimmNode dimm:
                DimmProperties.Set(dimm.Dimm, property.Name, arguments.Value);
                break;
            default:
                throw ObjectErrors.PropertyNotWritable(node.TypeName, property.Name);
        }
        return Nothing.Value;
    }

    public static List<ObjectTypeInfo> ListTypes(QomListTypesArguments arguments) =>
        [.. QomTypes.List(arguments.Implements, arguments.Abstract == true)];

    public static List<ObjectPropertyInfo> ListProperties(TypeNameArguments arguments) =>
        [.. QomTypes.Properties(arguments.Name).Select(property => property.ToInfo(described: true))];

    public static List<ObjectPropertyInfo> ListDeviceProperties(TypeNameArguments arguments) =>
        [.. QomTypes.DeviceProperties(arguments.Name).Select(property => property.ToInfo(described: true))];

    private static QomTree Tree(Client client) => new(client.Guest, client.Pin());

    private static QomProperty Find(QomNode node, string name) =>
        node.AllProperties.FirstOrDefault(property => property.Name == name) ?? throw ObjectErrors.PropertyNotFound(node.TypeName, name);
}
