using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Objects.Allocation;
using Hostmemd.Objects.Threads;
using Hostmemd.Populate;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>
/// Makes memory backends: validates everything, then allocates, maps, binds and populates. On any failure all of it is undone and the
/// client is told the first cause.
/// </summary>
internal static class BackendFactory
{
    /// <summary>A backend that nobody knows of yet, its id claimed: the caller publishes it by <see cref="Guest.Publish(PublishedBackend)"/>.</summary>
    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static async Task<PublishedBackend> CreateAsync(Guest guest, WorkOwner owner, ObjectOptions options)
    {
        var properties = options.Backend ?? throw new ArgumentException("not a memory backend", nameof(options));
        var context = BackendRules.Check(guest, options, properties);
        guest.ClaimObjectId(options.Id);
        MemoryBackend? backend = null;
        try
        {
            if (GuestMemfdRules.Concern(properties))
                GuestMemfdRules.Check(
                    properties, await guest.GuestMemfd.HostAsync(guest, GuestMemfdRules.NeedPolicy(properties)).ConfigureAwait(false));
            BackendRules.CheckTogether(properties);
            properties.PreallocContext = context?.QomPath ?? "";
            properties.FillDefaults(share: options.QomType is not (ObjectType.MemoryBackendRam or ObjectType.MemoryBackendFile));
            var tooLarge = properties.Prealloc == true ? PreallocRules.Refusal(guest, properties) : null;
            guest.Limits.CheckRoomForBackend(guest.State, options.Id, needsDescriptor: options.QomType != ObjectType.MemoryBackendRam || properties.Share == true);
            await guest.Kept.ReserveAsync(options).ConfigureAwait(false);
            backend = await AllocateAsync(guest, owner, options, tooLarge).ConfigureAwait(false);
            if (tooLarge is not null)
                throw tooLarge;
            if (properties.Prealloc == true)
                await PopulateAsync(guest, owner, backend, properties).ConfigureAwait(false);
            else if (backend.HugePages is { } hugePages)
                await hugePages.ReserveAsync(owner, () => PopulateAsync(guest, owner, backend, properties)).ConfigureAwait(false);
            return new PublishedBackend(backend, properties);
        }
        catch (Exception e)
        {
            // Memory that cannot be released keeps its id: nothing else must be taken for it.
            if (backend is null || await TryCloseAsync(guest, owner, backend).ConfigureAwait(false))
                guest.ReleaseObjectId(options.Id);
            guest.Kept.Abandon(options.Id);
            await guest.Kept.CancelAsync(options).ConfigureAwait(false);
            if (backend?.HugePages is { } hugePages && e is QmpException refusal)
                throw hugePages.Explain(refusal);
            throw;
        }
    }

    /// <summary>Allocates the pages that are not there yet, where the properties say that they are to come from: it may take seconds.</summary>
    public static Task PopulateAsync(Guest guest, WorkOwner owner, MemoryBackend backend, MemoryBackendProperties properties)
    {
        var request = WholeOf(guest, owner, backend, properties);
        return guest.Populator.PopulateAsync(request, progress: null, CancellationToken.None);
    }

    /// <summary>What populating all of a backend asks for, as its properties are.</summary>
    /// <exception cref="QmpException">Its thread-context is not there any more.</exception>
    public static PopulateRequest WholeOf(Guest guest, WorkOwner owner, MemoryBackend backend, MemoryBackendProperties properties)
    {
        var request = PopulateRequest.All(backend.Memory, properties.PreallocThreads ?? 1) with { Owner = owner };
        return BackendRules.CheckContext(guest, properties.PreallocContext) is { } context
            ? request with { Cpus = ThreadAffinity.CpusOf(guest.Kernel, context.Tid) }
            : request;
    }

    private static async Task<bool> TryCloseAsync(Guest guest, WorkOwner owner, MemoryBackend backend) => backend.IsSlowToClose
        ? await guest.SlowWork.RunAsync(owner, () => backend.TryClose(guest.Log)).ConfigureAwait(false)
        : backend.TryClose(guest.Log);

    /// <param name="tooLarge">Why it would be refused in any case: said behind what QEMU says, where that refuses it too.</param>
    private static async Task<MemoryBackend> AllocateAsync(Guest guest, WorkOwner owner, ObjectOptions options, QmpException? tooLarge)
    {
        try
        {
            return await AllocateAsync(guest, owner, options).ConfigureAwait(false);
        }
        catch (QmpException e) when (tooLarge is not null)
        {
            throw new QmpException(e.ErrorClass, $"{e.Message}; {tooLarge.Message}");
        }
    }

    private static async Task<MemoryBackend> AllocateAsync(Guest guest, WorkOwner owner, ObjectOptions options)
    {
        switch (options.QomType)
        {
            case ObjectType.MemoryBackendFile:
                return await guest.SlowWork.RunAsync(owner, () => FileAllocation.Allocate(guest, options)).ConfigureAwait(false);
            case ObjectType.MemoryBackendGuestMemfd or ObjectType.MemoryBackendMemfd when options.Backend!.IsGuestMemfd:
                return await GuestMemfdAllocation.AllocateAsync(guest, options).ConfigureAwait(false);
            case ObjectType.MemoryBackendMemfd:
                return MemfdAllocation.Allocate(guest, options);
            case ObjectType.MemoryBackendRam:
                return RamAllocation.Allocate(guest, options);
            case ObjectType.MemoryBackendShm:
                return ShmAllocation.Allocate(guest, options);
            default:
                throw new ArgumentOutOfRangeException(nameof(options), options.QomType, "no memory backend");
        }
    }
}
