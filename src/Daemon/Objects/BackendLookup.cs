using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>Finds the backend that a client means by its id or QOM path.</summary>
internal static class BackendLookup
{
    /// <exception cref="QmpException">DeviceNotFound, or it is no memory backend.</exception>
    public static PublishedBackend Find(Guest guest, GuestState state, string memdev) =>
        new QomTree(guest, state).Resolve(memdev) is BackendNode node
            ? node.Published
            : throw ObjectErrors.WrongLink("memdev", "memory-backend");
}
