using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

internal sealed partial class GuestMemfdMeasurement
{
    /// <summary>Two mappings show the same bytes. Control: a file without the flag cannot be mapped.</summary>
    private async Task<Seen> MmapAsync(GuestMemfd file)
    {
        var (one, errno) = Map(file, Size);
        var effect = one is not null && Map(file, Size).Memory is { } other
            && Try(() => one.Write(0, [0x5a])) == 0 && Try(() => _ = ByteAt(other, 0)) == 0 && ByteAt(other, 0) == 0x5a;
        var plain = (await CreateAsync(GuestMemfdFlags.None).ConfigureAwait(false)).File;
        return new(errno, effect, plain is not null && Map(plain, Size).Errno == Errno.ENODEV);
    }

    /// <summary>The host can have a page, and what it writes there stays. Control: with MMAP alone no page can be had.</summary>
    private async Task<Seen> InitSharedAsync()
    {
        var (_, memory) = await FreshAsync().ConfigureAwait(false);
        var errno = Try(() => memory.Write(0, [0x5a]));
        var mapOnly = (await CreateAsync(GuestMemfdFlags.Mmap).ConfigureAwait(false)).File;
        var control = mapOnly is not null && Map(mapOnly, Size).Memory is { } shut && Try(() => shut.Write(0, [0x5a])) == Errno.EFAULT;
        return new(errno, errno == 0 && ByteAt(memory, 0) == 0x5a, control);
    }

    /// <summary>A page is there that was not. Controls: the next one is not, and past the end there is none to be had.</summary>
    private async Task<Seen> PopulateAsync()
    {
        var (file, memory) = await FreshAsync().ConfigureAwait(false);
        var before = IsPresent(memory, 0);
        var errno = Try(() => memory.Populate(0, Page, 1, null, default));
        var effect = !before && IsPresent(memory, 0);
        var longer = MapOrThrow(file, 2 * Size);
        return new(errno, effect, !IsPresent(memory, Page) && Try(() => longer.Populate(Size, Page, 1, null, default)) == Errno.EFAULT);
    }

    /// <summary>The page is gone and reads as zeroes. Controls: its neighbour stays, half a page is refused.</summary>
    private Seen PunchHole(GuestMemfd file, MappedMemory memory)
    {
        const FallocateMode mode = FallocateMode.PunchHole | FallocateMode.KeepSize;
        memory.Write(0, [0xa5]);
        memory.Write(Page, [0xa5]);
        var errno = Try(() => _kernel.Fallocate(file, mode, 0, Page));
        var effect = !IsPresent(memory, 0) && ByteAt(memory, 0) == 0;
        var half = Try(() => _kernel.Fallocate(file, mode, 0, Page / 2)) == Errno.EINVAL;
        return new(errno, effect, half && ByteAt(memory, Page) == 0xa5);
    }

    /// <summary>A policy that holds is the file's: another mapping shows it, which did not before. Control: so it is with a memfd.</summary>
    private Seen NumaPolicy(GuestMemfd file, MappedMemory memory)
    {
        var ordinary = Ordinary();
        var control = Bind(MapOrThrow(ordinary, Size), ordinary) == (0, true);
        var (errno, holds) = Bind(memory, file);
        return new(errno, holds, control, "mbind succeeds and binds only the mapping, not the file");
    }

    private (int Errno, bool Holds) Bind(MappedMemory memory, SafeHandle file)
    {
        var other = MapOrThrow(file, Size);
        var before = _kernel.GetMempolicy(other.Address);
        var errno = Try(() => _kernel.Mbind(memory.Address, memory.Size, MemoryPolicy.Bind, [0]));
        return (errno, before != MemoryPolicy.Bind && _kernel.GetMempolicy(other.Address) == MemoryPolicy.Bind);
    }
}
