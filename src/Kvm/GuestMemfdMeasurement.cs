using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>
/// The measurements behind <see cref="GuestMemfdAbilities"/>, by the file alone. Those with slots and vCPUs are in the other part.
/// </summary>
internal sealed partial class GuestMemfdMeasurement : IDisposable
{
    private const ulong Size = 1 << 20;
    private const GuestMemfdFlags Both = GuestMemfdFlags.Mmap | GuestMemfdFlags.InitShared;
    private const GuestMemfdFlags Unknown = (GuestMemfdFlags)(1UL << 62);

    private readonly IKernel _kernel;
    private readonly VmThread _vm;
    private readonly List<IDisposable> _owned = [];
    private readonly List<GuestMemfdAbilityInfo> _found = [];

    public GuestMemfdMeasurement(IKernel kernel, VmThread vm)
    {
        _kernel = kernel;
        _vm = vm;
    }

    public async Task<IReadOnlyList<GuestMemfdAbilityInfo>> RunAsync()
    {
        var file = await CreateAsync(Both).ConfigureAwait(false);
        Add(GuestMemfdAbility.Create, file.Errno, control: (await CreateAsync(Unknown).ConfigureAwait(false)).Errno == Errno.EINVAL);
        if (file.File is null)
            return _found;
        Capability(GuestMemfdAbility.MemoryAttributes, _vm.Capabilities.MemoryAttributes);
        Capability(GuestMemfdAbility.PreFault, _vm.Capabilities.PreFaultMemory);
        Refusals(file.File);
        if (await MapAsync(file.File).ConfigureAwait(false) is not { } memory)
            return _found;
        await InitSharedAsync(memory).ConfigureAwait(false);
        Populate(file.File, memory);
        PunchHole(file.File, memory);
        NumaPolicy(file.File, memory);
        await SlotsAsync(file.File, memory).ConfigureAwait(false);
        return _found;
    }

    public void Dispose()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            owned.Dispose();
    }

    /// <summary>Control: a file without the flag cannot be mapped.</summary>
    private async Task<MappedMemory?> MapAsync(GuestMemfd file)
    {
        var (memory, errno) = Map(file, Size);
        var plain = await CreateAsync(GuestMemfdFlags.None).ConfigureAwait(false);
        Add(GuestMemfdAbility.Mmap, errno, control: plain.File is not null && Map(plain.File, Size).Errno == Errno.ENODEV);
        return memory;
    }

    /// <summary>Control: with MMAP alone the mapping is there, but no page can be had.</summary>
    private async Task InitSharedAsync(MappedMemory memory)
    {
        var errno = Try(() => memory.Populate(0, MappedMemory.PageSize, 1, null, default));
        var mapOnly = await CreateAsync(GuestMemfdFlags.Mmap).ConfigureAwait(false);
        var control = mapOnly.File is not null && Map(mapOnly.File, Size).Memory is { } shut && Try(() => shut.Populate()) == Errno.EFAULT;
        Add(GuestMemfdAbility.InitShared, errno, control);
    }

    /// <summary>Bytes written through one mapping are read through another. Control: past the end there is no page.</summary>
    private void Populate(GuestMemfd file, MappedMemory memory)
    {
        var errno = Try(() => memory.Populate());
        var longer = Map(file, 2 * Size).Memory;
        var control = longer is not null && Try(() => longer.Populate(Size, MappedMemory.PageSize, 1, null, default)) == Errno.EFAULT;
        memory.Write(Size - 8, "hostmemd"u8);
        var seen = new byte[8];
        longer?.Read(Size - 8, seen);
        Add(GuestMemfdAbility.Populate, errno, control, effect: seen.AsSpan().SequenceEqual("hostmemd"u8));
    }

    /// <summary>Control: half a page is refused.</summary>
    private void PunchHole(GuestMemfd file, MappedMemory memory)
    {
        const FallocateMode mode = FallocateMode.PunchHole | FallocateMode.KeepSize;
        var seen = new byte[1];
        memory.Write(0, [0xa5]);
        var errno = Try(() => _kernel.Fallocate(file, mode, 0, MappedMemory.PageSize));
        memory.Read(0, seen);
        var control = Try(() => _kernel.Fallocate(file, mode, 0, MappedMemory.PageSize / 2)) == Errno.EINVAL;
        Add(GuestMemfdAbility.PunchHole, errno, control, effect: seen[0] == 0);
    }

    /// <summary>A policy that holds is the file's: another mapping shows it. Control: so it is with a memfd.</summary>
    private void NumaPolicy(GuestMemfd file, MappedMemory memory)
    {
        using var ordinary = _kernel.MemfdCreate("hostmemd-measure", MemfdFlags.None);
        _kernel.Ftruncate(ordinary, Size);
        var control = Map(ordinary, Size).Memory is { } known && Bind(known, ordinary) == (0, true);
        var (errno, holds) = Bind(memory, file);
        Add(GuestMemfdAbility.NumaPolicy, errno, control, holds, holds ? null : "mbind succeeds and binds only the mapping, not the file");
    }

    private (int Errno, bool Holds) Bind(MappedMemory memory, SafeHandle file)
    {
        var errno = Try(() => _kernel.Mbind(memory.Address, memory.Size, MemoryPolicy.Bind, [0]));
        var other = Map(file, Size).Memory;
        return (errno, errno == 0 && other is not null && _kernel.GetMempolicy(other.Address) == MemoryPolicy.Bind);
    }

    /// <summary>What the file itself refuses. Control: a memfd takes the same call.</summary>
    private void Refusals(GuestMemfd file)
    {
        using var ordinary = _kernel.MemfdCreate("hostmemd-measure", MemfdFlags.None);
        _kernel.Ftruncate(ordinary, Size);
        var written = Try(() => _kernel.Pwrite(ordinary, "x"u8, 0)) == 0;
        Add(GuestMemfdAbility.Write, Try(() => _kernel.Pwrite(file, "x"u8, 0)), written);
        var resized = Try(() => _kernel.Ftruncate(ordinary, 2 * Size)) == 0;
        Add(GuestMemfdAbility.Resize, Try(() => _kernel.Ftruncate(file, 2 * Size)), resized);
    }

    private void Capability(GuestMemfdAbility ability, bool there) => _found.Add(there
        ? new(ability, GuestMemfdVerdict.Unproven, false, null, "the capability is there; not measured yet")
        : new(ability, GuestMemfdVerdict.Absent, true, null, "the capability is 0"));

    private void Add(GuestMemfdAbility ability, int errno, bool control, bool effect = true, string? detail = null) => _found.Add(new(
        ability,
        errno != 0 ? GuestMemfdVerdict.Refused : effect ? GuestMemfdVerdict.Works : GuestMemfdVerdict.Ineffective,
        control,
        errno == 0 ? null : errno,
        errno == 0 ? detail : null));

    private (MappedMemory? Memory, int Errno) Map(SafeHandle file, ulong size)
    {
        MappedMemory? memory = null;
        var errno = Try(() => memory = MappedMemory.Create(_kernel, new MappingOptions { Size = size, File = file, Shared = true }));
        if (memory is not null)
            _owned.Add(memory);
        return (memory, errno);
    }

    private Task<(GuestMemfd? File, int Errno)> CreateAsync(GuestMemfdFlags flags) => _vm.RunAsync(vm =>
    {
        GuestMemfd? file = null;
        var errno = Try(() => file = _kernel.CreateGuestMemfd(vm.Fd, Size, flags));
        if (file is not null)
            _owned.Add(file);
        return (file, errno);
    });

    private static int Try(Action call)
    {
        try
        {
            call();
            return 0;
        }
        catch (KernelException e)
        {
            return e.Errno;
        }
    }
}
