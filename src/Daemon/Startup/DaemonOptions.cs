using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Keeping;
using Hostmemd.Lending;
using Hostmemd.Protocol.Wire;
using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>What the command line asked for.</summary>
internal sealed class DaemonOptions
{
    /// <summary>The sockets to listen on for QMP.</summary>
    public List<ListenOptions> Listen { get; } = [];

    /// <summary>By id, as -chardev gave them.</summary>
    public Dictionary<string, ListenOptions> Chardevs { get; } = new(StringComparer.Ordinal);

    public List<MonitorOption> Monitors { get; } = [];

    /// <summary>Go into the background when clients can connect.</summary>
    public bool Daemonize { get; set; }

    /// <summary>This is the program in the background; on this descriptor it tells the other one how its start went.</summary>
    public int? ParentChannel { get; set; }

    public List<(string Text, ObjectOptions Options)> Objects { get; } = [];

    public List<(string Text, JsonObject Members)> Devices { get; } = [];

    public MachineKind MachineKind { get; set; }

    /// <summary>Accelerators in the order they are tried; empty: KVM where it can be had, else none.</summary>
    public IReadOnlyList<string> Accelerators { get; set; } = [];

    /// <summary>Entries of a vCPU's dirty ring; 0: none is asked for.</summary>
    public uint DirtyRingSize { get; set; }

    /// <summary>Bytes; null: the machine's default.</summary>
    public ulong? RamSize { get; set; }

    public ulong? MaxRamSize { get; set; }

    public ulong DimmSlots { get; set; }

    /// <summary>The backend that is the machine's memory; null: the machine makes its own.</summary>
    public string? MemoryBackend { get; set; }

    /// <summary>Or the backends of its NUMA nodes, by node.</summary>
    public Dictionary<uint, string> NumaNodes { get; } = [];

    public bool StartPaused { get; set; }

    public string? Name { get; set; }

    public Guid Uuid { get; set; }

    /// <summary>Where metrics are read from; null: nowhere but by query-metrics.</summary>
    public ListenOptions? Metrics { get; set; }

    public string? PidFile { get; set; }

    public string? LogFile { get; set; }

    public LendDirectory? LendDirectory { get; set; }

    /// <summary>Who keeps memory when the daemon is killed.</summary>
    public KeepMode Keep { get; set; } = KeepMode.Process;

    /// <summary>The keeper starts the daemon again.</summary>
    public bool Restart { get; set; }

    /// <summary>Descriptors of other processes that are memory of a predecessor.</summary>
    public List<(int Pid, int Number)> Adopted { get; } = [];

    /// <summary>A line for each command in the log.</summary>
    public bool LogCommands { get; set; }

    /// <summary>Text to print instead of starting: help or version.</summary>
    public string? PrintAndExit { get; set; }
}
