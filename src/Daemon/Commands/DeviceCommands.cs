using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Objects;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Plugging and unplugging.</summary>
internal static class DeviceCommands
{
    public static async ValueTask<Nothing> AddAsync(Client client, DeviceAddArguments arguments)
    {
        var guest = client.Guest;
        var options = DeviceOptions.Read(arguments.Members, guest.Machine.HasDimms);
        await DimmPlug.AddAsync(guest, options, hotplugged: true, isLast: true).ConfigureAwait(false);
        return Nothing.Value;
    }

    /// <summary>The events of the removal wait for the reply: clients know DEVICE_DELETED as what comes after it.</summary>
    public static async ValueTask<Nothing> DeleteAsync(Client client, IdArguments arguments)
    {
        await DimmPlug.RemoveAsync(client.Guest, Find(client, arguments.Id)).ConfigureAwait(false);
        return Nothing.Value;
    }

    /// <summary>A device by its id, or by an absolute QOM path.</summary>
    private static Dimm Find(Client client, string id)
    {
        var state = client.Pin();
        if (client.Guest.Dimms.Find(id, state) is { Id: not null } dimm)
            return dimm;
        var path = id.StartsWith('/') ? id : $"/machine/peripheral/{id}";
        return new QomTree(client.Guest, state).Resolve(path, id) is DimmNode node ? node.Dimm : throw DeviceErrors.NotADevice(id);
    }
}
