using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Populate;

namespace Hostmemd.Guests;

/// <summary>What a guest is made with.</summary>
internal sealed record GuestOptions
{
    public required Machine Machine { get; init; }

    /// <summary>Entries of a vCPU's dirty ring; 0: bitmaps.</summary>
    public uint DirtyRingSize { get; init; }

    /// <summary>The accelerator is KVM; else there is none.</summary>
    public bool UseKvm { get; init; }

    /// <summary>Ids of the backends that are the machine's memory, in the order of its map; empty: it makes its own.</summary>
    public IReadOnlyList<string> RamBackends { get; init; } = [];

    /// <summary>They are the memory of NUMA nodes, one each.</summary>
    public bool HasNumaNodes { get; init; }

    /// <summary>NUMA nodes of the guest.</summary>
    public uint Nodes => HasNumaNodes ? (uint)RamBackends.Count : 1;

    /// <summary>KVM could be used here, whether it is or not.</summary>
    public bool KvmPresent { get; init; }

    public string? Name { get; init; }

    public Guid Uuid { get; init; }

    /// <summary>The guest counts as running from the start: no -S.</summary>
    public bool Autostart { get; init; }

    /// <summary>The sockets there are to talk over: each has a monitor among the objects.</summary>
    public IReadOnlyList<QmpMonitor> Monitors { get; init; } = [];

    /// <summary>Where to read what the host has of huge pages and what control groups allow.</summary>
    public HostFiles Host { get; init; } = HostFiles.ThisHost;

    /// <summary>Where processes are looked for; another place in tests.</summary>
    public string ProcRoot { get; init; } = "/proc";

    /// <summary>Where others find the memory by name; null: nowhere.</summary>
    public LendDirectory? LendDirectory { get; init; }

    /// <summary>Where to keep what outlives this process; null: nothing does.</summary>
    public KeepOptions? Keep { get; init; }

    /// <summary>What populates memory in a process of its own; null: this program.</summary>
    public HelperProgram? PopulateProgram { get; init; }

    /// <summary>A machine of that size with machine none and no accelerator, as tests want it.</summary>
    public static GuestOptions None => new()
    {
        Machine = new Machine { Kind = MachineKind.None, RamSize = 0, MaxRamSize = 0, DimmSlots = 0 },
    };
}
