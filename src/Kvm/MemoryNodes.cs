namespace Hostmemd.Kvm;

/// <summary>The host's NUMA nodes that have memory. Any thread.</summary>
public static class MemoryNodes
{
    /// <summary>The node that all memory of the host is on, so that no page need be asked; null: there are several, or it is not known.</summary>
    /// <remarks>Source: Documentation/ABI/stable/sysfs-devices-node.</remarks>
    public static uint? Only(HostFiles host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return HostFiles.TryNumber(host.TryRead("/sys/devices/system/node/has_memory")) is { } only and <= int.MaxValue ? (uint)only : null;
    }
}
