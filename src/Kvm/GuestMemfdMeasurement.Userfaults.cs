using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

internal sealed partial class GuestMemfdMeasurement
{
    /// <summary>Faults given to user space, each kind on guest_memfd, and on a memfd as the control that the look is a good one.</summary>
    private async Task UserfaultsAsync()
    {
        await MeasureAsync(GuestMemfdAbility.UserfaultfdMissing, () => UserfaultsAsync(Missing)).ConfigureAwait(false);
        await MeasureAsync(GuestMemfdAbility.UserfaultfdMinor, () => UserfaultsAsync(Minor)).ConfigureAwait(false);
        await MeasureAsync(GuestMemfdAbility.UserfaultfdWp, () => UserfaultsAsync(WriteProtected)).ConfigureAwait(false);
    }

    private async Task<Seen> UserfaultsAsync(Func<SafeHandle, (int Errno, bool Effect)> look)
    {
        var control = look(Ordinary()) == (0, true);
        var (file, _) = await FreshAsync().ConfigureAwait(false);
        var (errno, effect) = look(file);
        return new(errno, effect, control);
    }

    /// <summary>A page that nobody has made cannot be touched before it is given, and then has what was given.</summary>
    private (int Errno, bool Effect) Missing(SafeHandle file)
    {
        var memory = MapOrThrow(file, Size);
        using var faults = _kernel.CreateUserfaultfd(UserfaultfdFeatures.None);
        var given = new byte[Page];
        given[0] = 0x6d;
        return Register(faults, memory, UserfaultfdMode.Missing) is > 0 and var errno ? (errno, false) : (0,
            Try(() => _ = ByteAt(memory, 0)) == Errno.EFAULT
            && Try(() => _kernel.UserfaultfdCopy(faults, memory.Address, given)) == 0
            && ByteAt(memory, 0) == 0x6d);
    }

    /// <summary>A page that the file has cannot be touched by this mapping before it is allowed, and then has what the file has.</summary>
    private (int Errno, bool Effect) Minor(SafeHandle file)
    {
        MapOrThrow(file, Size).Write(0, [0x6e]);
        var memory = MapOrThrow(file, Size);
        using var faults = _kernel.CreateUserfaultfd(UserfaultfdFeatures.MinorShmem);
        return Register(faults, memory, UserfaultfdMode.Minor) is > 0 and var errno ? (errno, false) : (0,
            Try(() => _ = ByteAt(memory, 0)) == Errno.EFAULT
            && Try(() => _kernel.UserfaultfdContinue(faults, memory.Address, Page)) == 0
            && ByteAt(memory, 0) == 0x6e);
    }

    /// <summary>A page that is protected can be read and not written, until it is protected no more.</summary>
    private (int Errno, bool Effect) WriteProtected(SafeHandle file)
    {
        var memory = MapOrThrow(file, Size);
        memory.Write(0, [0x6f]);
        using var faults = _kernel.CreateUserfaultfd(UserfaultfdFeatures.WriteProtect | UserfaultfdFeatures.WriteProtectShmem);
        return Register(faults, memory, UserfaultfdMode.WriteProtect) is > 0 and var errno ? (errno, false) : (0,
            Try(() => _kernel.UserfaultfdWriteProtect(faults, memory.Address, Page, on: true)) == 0
            && ByteAt(memory, 0) == 0x6f
            && Try(() => memory.Write(0, [0x70])) == Errno.EFAULT
            && Try(() => _kernel.UserfaultfdWriteProtect(faults, memory.Address, Page, on: false)) == 0
            && Try(() => memory.Write(0, [0x70])) == 0
            && ByteAt(memory, 0) == 0x70);
    }

    private int Register(SafeHandle faults, MappedMemory memory, UserfaultfdMode mode) =>
        Try(() => _kernel.UserfaultfdRegister(faults, memory.Address, memory.Size, mode));
}
