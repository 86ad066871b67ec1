using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects;

/// <summary>qom-set on a backend: which properties can change once the memory is there, and what that does to it (seen in QEMU 11.1.3).</summary>
internal static class BackendChange
{
    /// <exception cref="QmpException">The value does not fit, or the property is fixed.</exception>
    public static async Task SetAsync(Guest guest, WorkOwner owner, PublishedBackend published, string name, JsonValue value)
    {
        var backend = published.Backend;
        if (await PrepareAsync(guest, owner, published, name, value).ConfigureAwait(false) is not { } apply)
            return;
        // Onto what is published now: another client may have changed another property meanwhile.
        guest.Change(
            state =>
            {
                if (!state.Backends.TryGetValue(backend.Id, out var current) || current.Backend != backend)
                    throw ObjectErrors.DeviceNotFound(backend.QomPath);
                var changed = current.Properties.Clone();
                apply(changed);
                return state with { Backends = state.Backends.SetItem(backend.Id, current with { Properties = changed }) };
            },
            kept: backend.Id);
    }

    /// <summary>Checks the value and does to the memory what it asks for.</summary>
    /// <returns>How the properties change; null: not at all.</returns>
    private static async Task<Action<MemoryBackendProperties>?> PrepareAsync(
        Guest guest, WorkOwner owner, PublishedBackend published, string name, JsonValue value)
    {
        var backend = published.Backend;
        switch (name)
        {
            case "size":
                throw ObjectErrors.CannotChangeSize(backend.TypeName);
            case "align" or "offset" when backend.Type == ObjectType.MemoryBackendFile:
                throw ObjectErrors.CannotChange(name, backend.TypeName);
            case "mem-path":
                _ = InputVisitor.ReadValue(name, value, Shapes.Text, "");
                throw ObjectErrors.CannotChange(name, backend.TypeName);
            case "pmem" or "readonly":
                _ = Flag(name, value);
                throw ObjectErrors.CannotChange(name, backend.TypeName, dot: true);
            case "rom":
                throw ObjectErrors.CannotChange(name, backend.TypeName, dot: true);
            case "discard-data":
                var discard = Flag(name, value);
                return properties => ((FileProperties)properties).DiscardData = discard;
            case "share" or "reserve" or "guest-memfd" or "x-guest-memfd":
                _ = Flag(name, value);
                throw ObjectErrors.CannotChange();
            case "hugetlbsize":
                throw ObjectErrors.CannotChange();
            case "merge":
                var merge = Flag(name, value);
                SetMerge(backend, merge, guest.Kernel);
                return properties => properties.Merge = merge;
            case "dump":
                var dump = Flag(name, value);
                return properties => properties.Dump = dump;
            case "prealloc":
                return await PreallocAsync(guest, owner, published, Flag(name, value)).ConfigureAwait(false) ? properties => properties.Prealloc = true : null;
            case "prealloc-threads":
                var threads = InputVisitor.ReadValue<uint>(name, value, Shapes.UInt32, 0);
                BackendRules.CheckThreads(backend.TypeName, threads);
                return properties => properties.PreallocThreads = threads;
            case "prealloc-context":
                var context = BackendRules.CheckContext(guest, InputVisitor.ReadValue(name, value, Shapes.Text, ""))?.QomPath ?? "";
                return properties => properties.PreallocContext = context;
            case "policy":
                var policy = InputVisitor.ReadValue(name, value, Shapes.Enum(MemoryBackendProperties.Policies), default);
                await KeepGuestMemfdAsync(guest, published, properties => properties.Policy = policy).ConfigureAwait(false);
                return properties => properties.Policy = policy;
            case "host-nodes":
                var nodes = InputVisitor.ReadValue<List<ushort>>(name, value, Nodes, []);
                BackendRules.CheckNodes(nodes);
                await KeepGuestMemfdAsync(guest, published, properties => properties.HostNodes = nodes).ConfigureAwait(false);
                return properties => properties.HostNodes = nodes;
            case "x-use-canonical-path-for-ramblock-id":
                var canonical = Flag(name, value);
                return properties => properties.UseCanonicalPathForRamblockId = canonical;
            case "hugetlb":
                var hugetlb = Flag(name, value);
                await KeepGuestMemfdAsync(guest, published, properties => ((MemfdProperties)properties).Hugetlb = hugetlb).ConfigureAwait(false);
                return properties => ((MemfdProperties)properties).Hugetlb = hugetlb;
            case "seal":
                var seal = Flag(name, value);
                await KeepGuestMemfdAsync(guest, published, properties => ((MemfdProperties)properties).Seal = seal).ConfigureAwait(false);
                return properties => ((MemfdProperties)properties).Seal = seal;
            default:
                throw ObjectErrors.PropertyNotFound(backend.TypeName, name);
        }
    }

    private static bool Flag(string name, JsonValue value) => InputVisitor.ReadValue(name, value, Shapes.Bool, false);

    private static void Nodes(Visitor v, ref List<ushort> nodes) => v.List(ref nodes, Shapes.UInt16);

    /// <summary>What object-add refuses for a guest_memfd cannot come in by qom-set either.</summary>
    private static async Task KeepGuestMemfdAsync(Guest guest, PublishedBackend published, Action<MemoryBackendProperties> apply)
    {
        if (!GuestMemfdRules.Concern(published.Properties) || !published.Backend.IsGuestMemfd)
            return;
        // Only what changes is given: the rest was found right when the backend was made.
        MemoryBackendProperties asked = published.Properties is MemfdProperties
            ? new MemfdProperties { GuestMemfd = true, Size = published.Properties.Size }
            : new GuestMemfdProperties { Size = published.Properties.Size };
        apply(asked);
        GuestMemfdRules.Check(asked, await guest.GuestMemfd.HostAsync(guest, needsPolicy: true).ConfigureAwait(false));
    }

    private static string Asked(MemoryBackend backend) =>
        backend.Type == ObjectType.MemoryBackendGuestMemfd ? GuestMemfdErrors.ByType : GuestMemfdErrors.ByProperty;

    /// <summary>A guest_memfd's pages are never merged, so saying yes would be untrue.</summary>
    private static void SetMerge(MemoryBackend backend, bool merge, IKernel kernel)
    {
        if (backend.IsGuestMemfd && merge)
            throw GuestMemfdErrors.Merge(Asked(backend));
        try
        {
            // Held: else the advice could land on whatever is mapped there once the backend is gone.
            backend.WhileHeld(() =>
                kernel.Madvise(backend.Memory.Address, backend.Memory.Size, merge ? MemoryAdvice.Mergeable : MemoryAdvice.Unmergeable));
        }
        catch (KernelException e) when (e.Errno == Errno.EINVAL)
        {
            // A kernel built without KSM; the same counts for nothing in object-add.
        }
        catch (KernelException e)
        {
            throw ObjectErrors.MergeFailed(backend.Id, Errno.Text(e.Errno));
        }
    }

    /// <summary>Allocates the pages that are missing. Turning prealloc off changes nothing: pages that are there stay.</summary>
    /// <returns>Whether the property is to be set.</returns>
    private static async Task<bool> PreallocAsync(Guest guest, WorkOwner owner, PublishedBackend published, bool on)
    {
        if (published.Properties.Reserve == false)
            throw ObjectErrors.PreallocWithoutReserve();
        if (!on || published.Properties.Prealloc == true)
            return false;
        PreallocRules.Check(guest, published.Properties);
        published.Backend.Hold();
        try
        {
            await BackendFactory.PopulateAsync(guest, owner, published.Backend, published.Properties).ConfigureAwait(false);
        }
        finally
        {
            published.Backend.Unhold();
        }
        return true;
    }
}
