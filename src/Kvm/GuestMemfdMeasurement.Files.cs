using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

internal sealed partial class GuestMemfdMeasurement
{
    private const GuestMemfdFlags UnknownFlag = (GuestMemfdFlags)(1UL << 62);
    private const ulong HugePage = 2 << 20;

    /// <summary>A file of that size and kind is there. Control: a flag that nobody knows is refused.</summary>
    private async Task<Seen> CreateAsync()
    {
        var (file, errno) = await CreateAsync(Both).ConfigureAwait(false);
        var effect = file is not null && _kernel.Fstat(file).Size == Size && _kernel.ReadLink(file).Contains("gmem", StringComparison.Ordinal);
        return new(errno, effect, (await CreateAsync(UnknownFlag).ConfigureAwait(false)).Errno == Errno.EINVAL);
    }

    /// <summary>What is written with pwrite is in the mapping. Control: so it is with a memfd.</summary>
    private Seen Write(GuestMemfd file)
    {
        var control = Write(Ordinary(), out var ordinary) && ordinary == 0;
        var effect = Write(file, out var errno);
        return new(errno, effect, control);
    }

    private bool Write(SafeHandle file, out int errno)
    {
        errno = Try(() => _kernel.Pwrite(file, "w"u8, Page));
        return errno == 0 && Map(file, Size).Memory is { } memory && ByteAt(memory, Page) == (byte)'w';
    }

    /// <summary>The file has the size that it was given. Control: a memfd has.</summary>
    private Seen Resize(GuestMemfd file)
    {
        var ordinary = Ordinary();
        var control = Try(() => _kernel.Ftruncate(ordinary, 2 * Size)) == 0 && _kernel.Fstat(ordinary).Size == 2 * Size;
        var errno = Try(() => _kernel.Ftruncate(file, 2 * Size));
        return new(errno, errno == 0 && _kernel.Fstat(file).Size == 2 * Size, control);
    }

    /// <summary>Huge pages, asked for in the one way there is without a flag of its own. Control: a hugetlb memfd is mapped so.</summary>
    private Seen Hugetlb(GuestMemfd file)
    {
        var huge = _kernel.MemfdCreate("hostmemd-measure", MemfdFlags.HugeTlb, HugePage);
        _owned.Add(huge);
        _kernel.Ftruncate(huge, HugePage);
        var control = MapHuge(huge) == 0 && _kernel.Fstatfs(huge).IsHugeTlb;
        var errno = MapHuge(file);
        var effect = errno == 0 && _kernel.Fstatfs(file) is { BlockSize: > Page };
        return new(errno, effect, control, $"none of the flags that KVM_CAP_GUEST_MEMFD_FLAGS tells (0x{(ulong)_vm.Capabilities.GuestMemfdFlags:x}) asks for huge pages");
    }

    private int MapHuge(SafeHandle file) => Try(() =>
    {
        const MapFlags flags = MapFlags.Shared | MapFlags.HugeTlb | MapFlags.NoReserve;
        var address = _kernel.Mmap(default, HugePage, MemoryProtection.Read | MemoryProtection.Write, flags, file, 0);
        _kernel.Munmap(address, HugePage);
    });
}
