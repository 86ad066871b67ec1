namespace Hostmemd.Kvm;

/// <summary>MAP_*; the values are those of x86-64 and arm64.</summary>
[Flags]
public enum MapFlags
{
    None = 0,
    Shared = 0x01,
    Private = 0x02,

    /// <summary>As shared, and a flag that the file does not support is an error.</summary>
    SharedValidate = 0x03,
    Fixed = 0x10,
    Anonymous = 0x20,
    NoReserve = 0x4000,
    HugeTlb = 0x40000,

    /// <summary>Stores are durable once they left the CPU; DAX alone.</summary>
    Sync = 0x80000,
}
