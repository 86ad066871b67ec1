using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Populate;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>
/// Makes memory backends: validates everything, then allocates, maps, binds and populates. On any failure all of it is undone and the
/// client is told the first cause.
/// </summary>
internal static class BackendFactory
{
    private const ulong HugePageDefault = 0;

    /// <summary>The name QEMU gives its memfds; seen in /proc.</summary>
    private const string MemfdName = "memory-backend-memfd";

    /// <summary>A backend that nobody knows of yet, its id claimed: the caller publishes it by <see cref="Guest.Publish"/>.</summary>
    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static async Task<PublishedBackend> CreateAsync(Guest guest, ObjectOptions options)
    {
        var properties = options.QomType == ObjectType.MemoryBackendMemfd ? options.Memfd : options.Ram;
        BackendRules.Check(guest, options, properties);
        if (properties is MemfdProperties { SaysGuestMemfd: true } memfd)
            GuestMemfdRules.Check(memfd, await guest.GuestMemfd.HostAsync(guest, NeedsPolicy(memfd)).ConfigureAwait(false));
        BackendRules.CheckTogether(guest.Kernel, properties);
        properties.FillDefaults(share: options.QomType == ObjectType.MemoryBackendMemfd);

        guest.ClaimObjectId(options.Id);
        MemoryBackend? backend = null;
        try
        {
            backend = await AllocateAsync(guest, options, properties).ConfigureAwait(false);
            if (properties.Prealloc == true)
                await PopulateAsync(guest, backend, properties).ConfigureAwait(false);
            return new PublishedBackend(backend, properties);
        }
        catch
        {
            // Memory that cannot be released keeps its id: nothing else must be taken for it.
            if (backend is null || backend.TryClose(guest.Log))
                guest.ReleaseObjectId(options.Id);
            throw;
        }
    }

    /// <summary>Allocates the pages that are not there yet: it may take seconds.</summary>
    public static Task PopulateAsync(Guest guest, MemoryBackend backend, MemoryBackendProperties properties) =>
        guest.Populator.PopulateAsync(PopulateRequest.All(backend.Memory, properties.PreallocThreads ?? 1), progress: null, CancellationToken.None);

    private static bool NeedsPolicy(MemfdProperties memfd) =>
        memfd.IsGuestMemfd && (memfd.Policy is not (null or HostMemPolicy.Default) || memfd.HostNodes is { Count: > 0 });

    private static async Task<MemoryBackend> AllocateAsync(Guest guest, ObjectOptions options, MemoryBackendProperties properties) => properties switch
    {
        MemfdProperties { IsGuestMemfd: true } => await AllocateGuestMemfdAsync(guest, options, properties).ConfigureAwait(false),
        MemfdProperties memfd => AllocateMemfd(guest, options, memfd),
        _ => AllocateRam(guest, options, properties),
    };

    private static async Task<MemoryBackend> AllocateGuestMemfdAsync(Guest guest, ObjectOptions options, MemoryBackendProperties properties)
    {
        GuestMemfd file;
        try
        {
            file = await guest.Vm!.RunAsync(vm => vm.CreateGuestMemfd(properties.Size)).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            throw GuestMemfdErrors.CreateFailed(properties.Size, Errno.Text(e.Errno));
        }
        return MapFile(guest, options, properties, file, isGuestMemfd: true);
    }

    private static MemoryBackend AllocateMemfd(Guest guest, ObjectOptions options, MemfdProperties properties)
    {
        var flags = (properties.Seal == true ? MemfdFlags.AllowSealing : 0) | (properties.Hugetlb == true ? MemfdFlags.HugeTlb : 0);
        var hugePage = properties.Hugetlb == true ? properties.HugetlbSize ?? 0 : 0;
        if (hugePage != HugePageDefault && !ulong.IsPow2(hugePage))
            throw ObjectErrors.HugetlbSizeNoPowerOfTwo();
        Memfd file;
        try
        {
            // A page of one byte is the kernel's word for its default size.
            file = guest.Kernel.MemfdCreate(MemfdName, flags, hugePage == 1 ? HugePageDefault : hugePage);
        }
        catch (KernelException e)
        {
            const uint closeOnExec = 1;
            throw ObjectErrors.MemfdFailed((uint)flags | closeOnExec | ((uint)ulong.Log2(Math.Max(hugePage, 1)) << 26), Errno.Text(e.Errno));
        }
        try
        {
            Prepare(guest.Kernel, options.Id, file, properties);
            return MapFile(guest, options, properties, file, isGuestMemfd: false);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Gives a new memfd its size and seals.</summary>
    private static void Prepare(IKernel kernel, string id, Memfd file, MemfdProperties properties)
    {
        try
        {
            kernel.Ftruncate(file, properties.Size);
        }
        catch (KernelException e)
        {
            throw ObjectErrors.ResizeFailed(properties.Size, Errno.Text(e.Errno));
        }
        var needed = BackendRules.RoundUpToPage(properties.Size);
        if (needed != properties.Size && properties.Hugetlb != true)
            throw ObjectErrors.StoreTooSmall(id, properties.Size, needed);
        const FileSeals seals = FileSeals.Grow | FileSeals.Shrink | FileSeals.Seal;
        try
        {
            if (properties.Seal == true)
                kernel.AddSeals(file, seals);
        }
        catch (KernelException e)
        {
            throw ObjectErrors.SealFailed((uint)seals, Errno.Text(e.Errno));
        }
    }

    private static MemoryBackend MapFile(
        Guest guest, ObjectOptions options, MemoryBackendProperties properties, FileDescriptor file, bool isGuestMemfd)
    {
        try
        {
            var memory = Map(guest, Describe(properties) with { File = file, Shared = properties.Share == true });
            return new MemoryBackend(options.Id, options.QomType, isGuestMemfd, memory, file);
        }
        catch (Exception e)
        {
            file.Dispose();
            throw Explain(e, ObjectErrors.MapFailed) ?? e;
        }
    }

    private static MemoryBackend AllocateRam(Guest guest, ObjectOptions options, MemoryBackendProperties properties)
    {
        Memfd? file = null;
        try
        {
            var mapping = Describe(properties) with { Alignment = 2 << 20 };
            if (properties.Share == true)
            {
                file = guest.Kernel.MemfdCreate(options.Id, MemfdFlags.None);
                guest.Kernel.Ftruncate(file, BackendRules.RoundUpToPage(properties.Size));
                mapping = mapping with { File = file, Shared = true };
            }
            return new MemoryBackend(options.Id, options.QomType, isGuestMemfd: false, Map(guest, mapping), file);
        }
        catch (Exception e)
        {
            file?.Dispose();
            throw Explain(e, error => ObjectErrors.CannotSetUp(options.Id, error)) ?? e;
        }
    }

    private static MappingOptions Describe(MemoryBackendProperties properties) => new()
    {
        Size = properties.Size,
        NoReserve = properties.Reserve == false,
        Merge = properties.Merge == true ? true : null,
        HugePage = true,
        DontFork = true,
        // Guest bytes never leave through a core dump, whatever the property says (differences.md).
        Dump = false,
        Policy = (MemoryPolicy)(properties.Policy ?? HostMemPolicy.Default),
        Nodes = [.. (properties.HostNodes ?? []).Select(node => (uint)node)],
    };

    private static MappedMemory Map(Guest guest, MappingOptions mapping) =>
        MappedMemory.Create(guest.Kernel, mapping, leak => guest.Log.Error("Guest memory leaked: {Leak}", leak));

    /// <summary>What failed while mapping, in the client's words; null for what is a bug.</summary>
    private static QmpException? Explain(Exception e, Func<string, QmpException> mappingFailed) => e switch
    {
        KernelException { Call: "mbind" } kernel => ObjectErrors.BindFailed(Errno.Text(kernel.Errno)),
        KernelException kernel => mappingFailed(Errno.Text(kernel.Errno)),
        // The size does not even fit into an address space.
        OverflowException => mappingFailed(Errno.Text(Errno.ENOMEM)),
        _ => null,
    };
}
