using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Allocation;

/// <summary>Maps the memory of a backend as its properties say. The step that all kinds have in common.</summary>
internal static class BackendMapping
{
    /// <summary>Maps a file and makes the backend of it, which owns the file from then on; on failure the caller still does.</summary>
    /// <param name="change">What this kind wants otherwise than all others.</param>
    /// <param name="failed">The words for a mapping that failed, with the error; null: those of files.</param>
    /// <param name="isKept">The memory was there before this process: its huge pages are, and its guest_memfd is of another VM.</param>
    /// <exception cref="QmpException">It cannot be mapped, or not be bound to the nodes; no mapping is left.</exception>
    public static MemoryBackend MapFile(
        Guest guest, ObjectOptions options, BackingFile file, Func<MappingOptions, MappingOptions>? change = null,
        Func<string, QmpException>? failed = null, bool isKept = false)
    {
        var properties = options.Backend!;
        failed ??= ObjectErrors.MapFailed;
        if (!file.IsShared)
            CheckNoReserve(guest, properties, failed);
        HugePages? hugePages = null;
        try
        {
            hugePages = FindHugePages(guest, properties, file);
            if (!isKept)
                hugePages?.CheckBefore();
            var mapping = Describe(properties) with { File = file.Handle, Offset = file.Offset, Shared = file.IsShared };
            var memory = Create(guest, change is null ? mapping : change(mapping));
            return new MemoryBackend(options.Id, options.QomType, memory, file)
            {
                MemoryName = options.MemoryName,
                HugePages = hugePages,
                IsOfAnotherVm = isKept,
            };
        }
        catch (KernelException e) when (e.Errno == Errno.ENOMEM && hugePages is not null)
        {
            throw hugePages.Explain(Explain(e, failed) ?? failed(Errno.Text(e.Errno)));
        }
        catch (AddressSpaceLostException e)
        {
            throw Quarantine(guest, options.Id, e, failed);
        }
        catch (Exception e)
        {
            throw Explain(e, failed) ?? e;
        }
    }

    /// <summary>Private anonymous memory.</summary>
    /// <exception cref="QmpException">As <see cref="MapFile"/>.</exception>
    public static MemoryBackend MapAnonymous(Guest guest, ObjectOptions options)
    {
        QmpException failed(string error) => ObjectErrors.CannotSetUp(options.MemoryName, error);
        CheckNoReserve(guest, options.Backend!, failed);
        try
        {
            return new MemoryBackend(options.Id, options.QomType, Create(guest, Describe(options.Backend!)), null) { MemoryName = options.MemoryName };
        }
        catch (AddressSpaceLostException e)
        {
            throw Quarantine(guest, options.Id, e, failed);
        }
        catch (Exception e)
        {
            throw Explain(e, failed) ?? e;
        }
    }

    /// <summary>Only these two can be of huge pages. A file that is only read has its pages already, or never gets them.</summary>
    private static HugePages? FindHugePages(Guest guest, MemoryBackendProperties properties, BackingFile file) =>
        properties is MemfdProperties { Hugetlb: true } or FileProperties { ReadOnly: not true }
            ? HugePages.Find(guest, properties, file.Handle, file.Offset)
            : null;

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

    private static MappedMemory Create(Guest guest, MappingOptions mapping) =>
        MappedMemory.Create(guest.Kernel, mapping, leak => guest.Log.Error("Guest memory leaked: {Leak}", leak));

    /// <summary>What is still mapped belongs to nobody now, and nobody gets the id.</summary>
    private static QmpException Quarantine(Guest guest, string id, AddressSpaceLostException lost, Func<string, QmpException> failed)
    {
        guest.QuarantineObjectId(id);
        return ObjectErrors.Lost(Explain(lost.InnerException!, failed) ?? failed(lost.Message), id);
    }

    /// <summary>Where the kernel counts every private page anyway, it would ignore MAP_NORESERVE: the client is told.</summary>
    private static void CheckNoReserve(Guest guest, MemoryBackendProperties properties, Func<string, QmpException> failed)
    {
        const int never = 2;
        if (properties.Reserve != false || properties is FileProperties { IsRom: true })
            return;
        try
        {
            if (guest.Kernel.GetOvercommitMode() == never)
                throw failed("'reserve=off' cannot be had with vm.overcommit_memory=2, use 'reserve=on'");
        }
        catch (KernelException e)
        {
            throw failed($"{e.Call}: {Errno.Text(e.Errno)}");
        }
    }

    /// <summary>What failed while mapping, in the client's words; null for what is a bug.</summary>
    private static QmpException? Explain(Exception e, Func<string, QmpException> failed) => e switch
    {
        KernelException { Call: "mbind" } kernel => ObjectErrors.BindFailed(Errno.Text(kernel.Errno)),
        KernelException kernel => failed(Errno.Text(kernel.Errno)),
        // The size does not even fit into an address space.
        OverflowException => failed(Errno.Text(Errno.ENOMEM)),
        _ => null,
    };
}
