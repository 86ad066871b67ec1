using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Populate;

namespace Hostmemd.Guests;

/// <summary>What a guest is made with.</summary>
internal sealed record GuestOptions
{
    public required Machine Machine { get; init; }

    /// <summary>The accelerator is KVM; else there is none.</summary>
    public bool UseKvm { get; init; }

    /// <summary>KVM could be used here, whether it is or not.</summary>
    public bool KvmPresent { get; init; }

    public string? Name { get; init; }

    public Guid Uuid { get; init; }

    /// <summary>The guest counts as running from the start: no -S.</summary>
    public bool Autostart { get; init; }

    /// <summary>How many sockets there are to talk over: each has a monitor among the objects.</summary>
    public int Monitors { get; init; }

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
