using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>
/// The measurements behind <see cref="GuestMemfdAbilities"/>. This file: how one is done and judged. The others: by the file alone, by its
/// mapping, by userfaultfd, by slots and vCPUs.
/// </summary>
/// <remarks>
/// That a call succeeds proves nothing: each effect is looked for by other means than those that made it, and beside each is a control, where
/// the same look must show the opposite.
/// </remarks>
internal sealed partial class GuestMemfdMeasurement : IDisposable
{
    private const ulong Size = 1 << 20;
    private const ulong Page = MappedMemory.PageSize;
    private const GuestMemfdFlags Both = GuestMemfdFlags.Mmap | GuestMemfdFlags.InitShared;

    private readonly IKernel _kernel;
    private readonly VmThread _vm;
    private readonly List<IDisposable> _owned = [];
    private readonly List<GuestMemfdAbilityInfo> _found = [];

    public GuestMemfdMeasurement(IKernel kernel, VmThread vm)
    {
        _kernel = kernel;
        _vm = vm;
    }

    /// <summary>In any order; those that could not be begun are left out.</summary>
    public async Task<IReadOnlyList<GuestMemfdAbilityInfo>> RunAsync()
    {
        var file = (await CreateAsync(Both).ConfigureAwait(false)).File;
        await MeasureAsync(GuestMemfdAbility.Create, CreateAsync).ConfigureAwait(false);
        if (file is null)
            return _found;
        Measure(GuestMemfdAbility.Write, () => Write(file));
        Measure(GuestMemfdAbility.Resize, () => Resize(file));
        Measure(GuestMemfdAbility.Hugetlb, () => Hugetlb(file));
        await MeasureAsync(GuestMemfdAbility.Mmap, () => MmapAsync(file)).ConfigureAwait(false);
        if (Map(file, Size).Memory is not { } memory)
            return _found;
        await MeasureAsync(GuestMemfdAbility.InitShared, InitSharedAsync).ConfigureAwait(false);
        await MeasureAsync(GuestMemfdAbility.Populate, PopulateAsync).ConfigureAwait(false);
        Measure(GuestMemfdAbility.PunchHole, () => PunchHole(file, memory));
        Measure(GuestMemfdAbility.NumaPolicy, () => NumaPolicy(file, memory));
        await UserfaultsAsync().ConfigureAwait(false);
        await SlotsAsync(file, memory).ConfigureAwait(false);
        return _found;
    }

    public void Dispose()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            owned.Dispose();
    }

    /// <summary>What a measurement saw.</summary>
    /// <param name="Errno">Of the call; 0: it succeeded.</param>
    /// <param name="Effect">What the call is for was seen.</param>
    /// <param name="Control">The negative control behaved as it must.</param>
    /// <param name="Detail">Where it does not work.</param>
    private readonly record struct Seen(int Errno, bool Effect, bool Control, string? Detail = null)
    {
        /// <summary>The kernel itself says that it has no such thing.</summary>
        public bool IsAbsent { get; init; }
    }

    private void Measure(GuestMemfdAbility ability, Func<Seen> look)
    {
        try
        {
            _found.Add(Judge(ability, look()));
        }
        catch (Exception e) when (e is KernelException or MemorySlotException)
        {
            _found.Add(Unproven(ability, e));
        }
    }

    private async Task MeasureAsync(GuestMemfdAbility ability, Func<Task<Seen>> look)
    {
        try
        {
            _found.Add(Judge(ability, await look().ConfigureAwait(false)));
        }
        catch (Exception e) when (e is KernelException or MemorySlotException)
        {
            _found.Add(Unproven(ability, e));
        }
    }

    /// <summary>Nothing works by its word alone, and nothing is seen by an eye that sees it everywhere.</summary>
    private static GuestMemfdAbilityInfo Judge(GuestMemfdAbility ability, Seen seen)
    {
        var errno = seen.Errno == 0 ? (int?)null : seen.Errno;
        return seen switch
        {
            { IsAbsent: true } => new(ability, GuestMemfdVerdict.Absent, seen.Control, errno, seen.Detail),
            { Errno: not 0 } => new(ability, GuestMemfdVerdict.Refused, seen.Control, errno, seen.Detail),
            { Effect: false } => new(ability, GuestMemfdVerdict.Ineffective, seen.Control, null, seen.Detail),
            { Control: false } => new(ability, GuestMemfdVerdict.Unproven, false, null, "the effect shows where it must not too"),
            _ => new(ability, GuestMemfdVerdict.Works, true),
        };
    }

    private static GuestMemfdAbilityInfo Unproven(GuestMemfdAbility ability, Exception reason) =>
        new(ability, GuestMemfdVerdict.Unproven, false, (reason as KernelException)?.Errno, reason.Message);

    private (MappedMemory? Memory, int Errno) Map(SafeHandle file, ulong size)
    {
        MappedMemory? memory = null;
        var errno = Try(() => memory = MappedMemory.Create(_kernel, new MappingOptions { Size = size, File = file, Shared = true }));
        if (memory is not null)
            _owned.Add(memory);
        return (memory, errno);
    }

    /// <summary>A file and a mapping of it that nobody has touched.</summary>
    /// <exception cref="KernelException">There is none: what was to be looked at cannot be.</exception>
    private async Task<(GuestMemfd File, MappedMemory Memory)> FreshAsync()
    {
        var (file, errno) = await CreateAsync(Both).ConfigureAwait(false);
        if (file is null)
            throw new KernelException("ioctl(KVM_CREATE_GUEST_MEMFD)", errno);
        return (file, MapOrThrow(file, Size));
    }

    private MappedMemory MapOrThrow(SafeHandle file, ulong size)
    {
        var (memory, errno) = Map(file, size);
        return memory ?? throw new KernelException("mmap", errno);
    }

    /// <summary>The ordinary file that controls are done with.</summary>
    private Memfd Ordinary()
    {
        var file = _kernel.MemfdCreate("hostmemd-measure", MemfdFlags.None);
        _owned.Add(file);
        _kernel.Ftruncate(file, Size);
        return file;
    }

    private Task<(GuestMemfd? File, int Errno)> CreateAsync(GuestMemfdFlags flags) => _vm.RunAsync(vm =>
    {
        GuestMemfd? file = null;
        var errno = Try(() => file = _kernel.CreateGuestMemfd(vm.Fd, Size, flags));
        if (file is not null)
            _owned.Add(file);
        return (file, errno);
    });

    /// <summary>Whether the file has a page there, asked of the mapping without touching it.</summary>
    private bool IsPresent(MappedMemory memory, ulong offset)
    {
        var pages = new byte[1];
        _kernel.Mincore(memory.Address.Add(offset), Page, pages);
        return (pages[0] & 1) != 0;
    }

    private static byte ByteAt(MappedMemory memory, ulong offset)
    {
        var bytes = new byte[1];
        memory.Read(offset, bytes);
        return bytes[0];
    }

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
