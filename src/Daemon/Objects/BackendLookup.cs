using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>Finds the backend that a client means by its id or QOM path.</summary>
internal static class BackendLookup
{
    /// <exception cref="QmpException">DeviceNotFound, or it is no memory backend.</exception>
    public static PublishedBackend Find(Guest guest, GuestState state, string memdev) =>
        // An id, as nearly always: no other backend is called that.
        state.Backends.TryGetValue(memdev, out var published) ? published
        : new QomTree(guest, state).ResolveLink<BackendNode>(memdev, "memdev", "memory-backend").Published;
}
