using Hostmemd.Guests;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Commands;

/// <summary>Finds the backend that a client means by its id or QOM path.</summary>
internal static class BackendLookup
{
    /// <exception cref="QmpException">DeviceNotFound, or it is no memory backend.</exception>
    public static PublishedBackend Find(GuestState state, Machine machine, string memdev) =>
        new QomTree(state, machine).Resolve(memdev) is BackendNode node
            ? node.Published
            : throw ObjectErrors.WrongLink("memdev", "memory-backend");
}
