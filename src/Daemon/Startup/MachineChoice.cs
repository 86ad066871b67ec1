using Hostmemd.Guests;

namespace Hostmemd.Startup;

/// <summary>The machine that -machine and -m describe.</summary>
internal static class MachineChoice
{
    private const ulong DefaultQ35Ram = 128 << 20;
    private const ulong PageSize = 4096;

    /// <summary>Far more than any host has; keeps every sum of the memory map within 64 bits.</summary>
    private const ulong MaxRam = 1UL << 52;

    /// <exception cref="OptionException">The sizes do not go together.</exception>
    public static Machine Make(DaemonOptions options)
    {
        var ram = options.RamSize ?? SizeOfBackend(options) ?? (options.MachineKind == MachineKind.Q35 ? DefaultQ35Ram : 0);
        ram = (ram + PageSize - 1) & ~(PageSize - 1);
        var most = options.MaxRamSize ?? ram;
        if (ram > MaxRam || most > MaxRam)
            throw new OptionException($"-m: at most {MaxRam >> 40} TiB are possible");
        if (most < ram)
            throw new OptionException(
                $"invalid value of maxmem: maximum memory size (0x{most:x}) must be at least the initial memory size (0x{ram:x})");
        if (options.DimmSlots > 0 && options.MaxRamSize is null)
            throw new OptionException("slots specified but no max-size");
        return new Machine { Kind = options.MachineKind, RamSize = ram, MaxRamSize = most, DimmSlots = (uint)options.DimmSlots };
    }

    /// <summary>Where -m says nothing the machine is as large as the backend it is told to use.</summary>
    private static ulong? SizeOfBackend(DaemonOptions options) => options.MemoryBackend is null
        ? null
        : options.Objects.FirstOrDefault(added => added.Options.Id == options.MemoryBackend).Options?.Backend?.Size;
}
