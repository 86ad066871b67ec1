using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Objects.Allocation;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>Makes a backend of memory that was there before: checked, and mapped as its kind maps it.</summary>
internal static class KeptMapping
{
    // As anonymous memory, whose pages can be this large.
    private const ulong HugePage = 2 << 20;

    /// <param name="file">Owned from now on.</param>
    /// <exception cref="KeepException">It is not that memory.</exception>
    /// <exception cref="Protocol.Errors.QmpException">It cannot be mapped.</exception>
    public static MemoryBackend Map(Guest guest, KeptObject kept, SafeFileHandle file)
    {
        SafeHandle typed = file;
        try
        {
            typed = TypeOf(guest, kept.File!, file);
            if (kept.File!.Difference(KeptFile.Of(guest.Kernel, typed, kept.File.Offset)) is { } difference)
                throw new KeepException($"what is kept as '{kept.Options.Id}' is not its memory: {difference}");
            return BackendMapping.MapFile(
                guest, kept.Options, new BackingFile(typed, kept.File.Offset, IsShared: true), mapping => Adjust(mapping, kept.Options), isKept: true);
        }
        catch (KernelException e)
        {
            typed.Dispose();
            throw new KeepException($"what is kept as '{kept.Options.Id}' cannot be examined: {e.Message}");
        }
        catch
        {
            typed.Dispose();
            throw;
        }
    }

    private static MappingOptions Adjust(MappingOptions mapping, ObjectOptions options) => options.QomType switch
    {
        ObjectType.MemoryBackendRam => mapping with { Alignment = HugePage },
        ObjectType.MemoryBackendFile => mapping with
        {
            Alignment = options.File.Align ?? 0,
            ReadOnly = options.File.IsRom,
            Synchronous = options.File.Pmem == true,
        },
        _ => mapping,
    };

    /// <summary>By what it is, and not by what it is said to be.</summary>
    private static SafeHandle TypeOf(Guest guest, KeptFile kept, SafeFileHandle file)
    {
        void leaked(string leak) => guest.Log.Error("A descriptor leaked: {Leak}", leak);
        if (guest.Kernel.ReadLink(file) != kept.Link)
            return file;
        return kept.Type switch
        {
            MemoryFdType.GuestMemfd => GuestMemfd.TakeFrom(file, leaked),
            MemoryFdType.Memfd => Memfd.TakeFrom(file, leaked),
            _ => file,
        };
    }
}
