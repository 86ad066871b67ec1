using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Objects.Threads;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>Makes an object of any type and publishes it: object-add, and -object at the start.</summary>
internal static class ObjectFactory
{
    /// <param name="owner">For whom the slow part is done.</param>
    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static async Task AddAsync(Guest guest, WorkOwner owner, ObjectOptions options)
    {
        if (!BackendRules.IsIdentifier(options.Id))
            throw ObjectErrors.NotAnIdentifier("id");
        if (options.Backend is null)
        {
            guest.Publish(await ThreadFactory.CreateAsync(guest, options).ConfigureAwait(false));
            return;
        }
        var added = guest.Lending.Paths.Offer(await BackendFactory.CreateAsync(guest, owner, options).ConfigureAwait(false));
        await guest.Kept.StoreAsync(added).ConfigureAwait(false);
        guest.Publish(added);
    }
}
