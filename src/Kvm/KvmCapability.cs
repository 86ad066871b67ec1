namespace Hostmemd.Kvm;

/// <summary>KVM_CAP_*: what KVM_CHECK_EXTENSION can be asked. Only those that somebody here asks.</summary>
public enum KvmCapability
{
    UserMemory = 3,
    NrVcpus = 9,
    NrMemslots = 10,
    SyncMmu = 16,
    MaxVcpus = 66,
    ReadonlyMem = 81,
    MultiAddressSpace = 118,
    ImmediateExit = 136,
    ManualDirtyLogProtect2 = 168,
    DirtyLogRing = 192,
    BinaryStatsFd = 203,
    DirtyLogRingAcqRel = 223,
    UserMemory2 = 231,
    MemoryFaultInfo = 232,
    MemoryAttributes = 233,
    GuestMemfd = 234,
    VmTypes = 235,
    PreFaultMemory = 236,
    GuestMemfdFlags = 244,
}
