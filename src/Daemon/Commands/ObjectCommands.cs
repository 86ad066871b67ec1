using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Making and removing objects.</summary>
internal static class ObjectCommands
{
    /// <summary>Memory that takes noticeable time to unmap: its pages are freed on a thread of its own.</summary>
    private const ulong SlowToClose = 64 << 20;

    public static async ValueTask<Nothing> AddAsync(Client client, ObjectOptions options)
    {
        client.Guest.Publish(await BackendFactory.CreateAsync(client.Guest, options).ConfigureAwait(false));
        return Nothing.Value;
    }

    public static async ValueTask<Nothing> DeleteAsync(Client client, IdArguments arguments)
    {
        var guest = client.Guest;
        if (!guest.State.Backends.TryGetValue(arguments.Id, out var published))
            throw ObjectErrors.NotFound(arguments.Id);
        var backend = published.Backend;
        backend.BeginClose();
        var remembered = UsageCommands.Remember(guest.Kernel, backend);
        try
        {
            if (backend.Memory.Size >= SlowToClose)
                await guest.SlowWork.RunAsync(backend.Close).ConfigureAwait(false);
            else
                backend.Close();
        }
        catch (KernelException e)
        {
            guest.Log.Error("Memory backend {Id} is quarantined: {Error}", backend.Id, e.Message);
            throw ObjectErrors.Quarantined(backend.Id, Errno.Text(e.Errno));
        }
        guest.Change(
            state => state with { Backends = state.Backends.Remove(backend.Id) },
            next => [Events.MemoryBackendDeleted(backend, published.Properties.Size, next.Generation, guest.Clock)]);
        if (remembered is not null)
            guest.Accounting.Deleted.Add(remembered);
        return Nothing.Value;
    }
}
