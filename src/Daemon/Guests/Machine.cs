using System.Runtime.InteropServices;
using Hostmemd.Kvm;

namespace Hostmemd.Guests;

/// <summary>A machine's memory map: where RAM and plugged memory are in guest physical memory. Nothing else of a machine is here.</summary>
internal sealed record Machine
{
    private const ulong GiB = 1UL << 30;
    private const ulong FourGiB = 4 * GiB;
    private const ulong LowRamLimit = 0xb000_0000;
    private const ulong LowRamWhenSplit = 2 * GiB;

    public required MachineKind Kind { get; init; }

    /// <summary>Bytes of RAM from the start.</summary>
    public required ulong RamSize { get; init; }

    /// <summary>Bytes of RAM with all that can be plugged.</summary>
    public required ulong MaxRamSize { get; init; }

    /// <summary>How many DIMMs can be plugged.</summary>
    public required uint DimmSlots { get; init; }

    /// <summary>The type qom-get shows at /machine.</summary>
    public string QomType => QomTypeOf(Kind);

    /// <summary>DIMMs can be plugged at all.</summary>
    public bool HasDimms => Kind == MachineKind.Q35;

    /// <summary>The guest ranges that RAM is shown in, in backend order (q35 from 2,816 MiB on: 2 GiB low, the rest from 4 GiB).</summary>
    public IReadOnlyList<(GuestAddress Gpa, ulong Offset, ulong Size)> RamRanges =>
        RamSize == 0 ? []
        : RamSize < LowRamLimit ? [(new GuestAddress(0), 0, RamSize)]
        : [(new GuestAddress(0), 0, LowRamWhenSplit), (new GuestAddress(FourGiB), LowRamWhenSplit, RamSize - LowRamWhenSplit)];

    /// <summary>Where plugged memory begins: above all RAM, aligned to 1 GiB.</summary>
    public ulong DeviceMemoryBase => AlignUp(FourGiB + (RamSize < LowRamLimit ? 0 : RamSize - LowRamWhenSplit), GiB);

    /// <summary>Bytes that may be plugged in total.</summary>
    public ulong PluggableSize => MaxRamSize - RamSize;

    /// <summary>Bytes of address space for them: 1 GiB more for each slot, so that alignment does not eat what maxmem promises.</summary>
    public ulong DeviceMemoryWindow => PluggableSize == 0 ? 0 : PluggableSize + (DimmSlots * GiB);

    /// <summary>An address above all that the machine shows, for the probe vCPU's own pages.</summary>
    public GuestAddress AboveMap => new(AlignUp(DeviceMemoryBase + DeviceMemoryWindow, GiB));

    /// <summary>Whether a machine is there on this processor: a Q35 is a PC.</summary>
    public static bool IsAvailable(MachineKind kind) => kind == MachineKind.None || RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>The name that -machine takes.</summary>
    public static string NameOf(MachineKind kind) => kind == MachineKind.None ? "none" : "pc-q35-11.1";

    public static string QomTypeOf(MachineKind kind) => kind == MachineKind.None ? "none-machine" : "pc-q35-11.1-machine";

    private static ulong AlignUp(ulong value, ulong unit) => checked(value + unit - 1) & ~(unit - 1);
}
