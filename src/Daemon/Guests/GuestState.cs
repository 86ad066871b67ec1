using System.Collections.Immutable;
using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Kvm;
using Hostmemd.Lending;

namespace Hostmemd.Guests;

/// <summary>
/// All that queries show of a guest, as one value that never changes: the owner publishes a new one. Readers on any thread take it and need
/// no lock, and what they take is of one moment.
/// </summary>
internal sealed record GuestState
{
    /// <summary>Raised by every published change.</summary>
    public ulong Generation { get; init; }

    public RunState RunState { get; init; } = RunState.Prelaunch;

    /// <summary>The backends under /objects, by id.</summary>
    public ImmutableSortedDictionary<string, PublishedBackend> Backends { get; init; } =
        ImmutableSortedDictionary.Create<string, PublishedBackend>(StringComparer.Ordinal);

    /// <summary>What others still hold of backends that memory-backend-forget took away here, oldest first.</summary>
    public ImmutableList<ForgottenLoan> ForgottenLoans { get; init; } = [];

    /// <summary>The iothreads and thread-contexts under /objects, by id.</summary>
    public ImmutableSortedDictionary<string, PublishedThread> Threads { get; init; } =
        ImmutableSortedDictionary.Create<string, PublishedThread>(StringComparer.Ordinal);

    /// <summary>The jobs, the newest first.</summary>
    public ImmutableList<PublishedJob> Jobs { get; init; } = [];

    /// <summary>The plugged DIMMs, by guest physical address; <see cref="DimmBay.Find"/> has them by name.</summary>
    public ImmutableSortedDictionary<ulong, Dimm> Dimms { get; init; } = ImmutableSortedDictionary<ulong, Dimm>.Empty;

    public static ImmutableHashSet<MemorySlot> NoSlots { get; } = ImmutableHashSet<MemorySlot>.Empty;

    /// <summary>The slots whose writes KVM logs at the moment, by identity; nobody changes it.</summary>
    public IReadOnlySet<MemorySlot> DirtyLogged { get; init; } = NoSlots;

    /// <summary>The machine's own memory, by guest physical address.</summary>
    public ImmutableArray<GuestMemoryRange> BaseMemory { get; init; } = [];

    /// <summary>KVM's memory slots, by guest physical address.</summary>
    public SlotMap Slots { get; init; } = SlotMap.Empty;

    /// <summary>What of a range is memory, by rising address; with accel=none too, where there are no slots.</summary>
    public IEnumerable<GuestMemoryRange> MemoryIn(ulong addr, ulong size) => BaseMemory
        .Concat(Dimms.Values.Select(dimm => new GuestMemoryRange(dimm.Place.Addr, dimm.Place.Size, dimm.Backend, 0)))
        .Where(range => range.Overlaps(addr, size))
        .Select(range => range.Cut(addr, size));
}
