namespace Hostmemd.Kvm.Native;

/// <summary>Request numbers of <c>linux/kvm.h</c>, grouped by the descriptor they go to. A number carries its structure's size.</summary>
internal static class KvmIoctl
{
    // /dev/kvm
    public const uint KVM_GET_API_VERSION = 0xAE00;
    public const uint KVM_CREATE_VM = 0xAE01;
    public const uint KVM_CHECK_EXTENSION = 0xAE03; // the VM too: KVM_CAP_CHECK_EXTENSION_VM
    public const uint KVM_GET_VCPU_MMAP_SIZE = 0xAE04;
    public const uint KVM_GET_SUPPORTED_CPUID = 0xC008AE05; // KVM_CAP_EXT_CPUID

    // VM
    public const uint KVM_CREATE_VCPU = 0xAE41;
    public const uint KVM_GET_DIRTY_LOG = 0x4010AE42;
    public const uint KVM_SET_USER_MEMORY_REGION2 = 0x40A0AE49; // KVM_CAP_USER_MEMORY2
    public const uint KVM_ENABLE_CAP = 0x4068AEA3; // the vCPU too
    public const uint KVM_RESET_DIRTY_RINGS = 0xAEC7; // KVM_CAP_DIRTY_LOG_RING
    public const uint KVM_SET_MEMORY_ATTRIBUTES = 0x4020AED2; // KVM_CAP_MEMORY_ATTRIBUTES
    public const uint KVM_CREATE_GUEST_MEMFD = 0xC040AED4; // KVM_CAP_GUEST_MEMFD

    // vCPU
    public const uint KVM_RUN = 0xAE80;
    public const uint KVM_GET_REGS = 0x8090AE81;
    public const uint KVM_SET_REGS = 0x4090AE82;
    public const uint KVM_GET_SREGS = 0x8138AE83;
    public const uint KVM_SET_SREGS = 0x4138AE84;
    public const uint KVM_SET_SIGNAL_MASK = 0x4004AE8B;
    public const uint KVM_SET_CPUID2 = 0x4008AE90; // KVM_CAP_EXT_CPUID
    public const uint KVM_SET_MP_STATE = 0x4004AE99; // KVM_CAP_MP_STATE
    public const uint KVM_PRE_FAULT_MEMORY = 0xC040AED5; // KVM_CAP_PRE_FAULT_MEMORY

    // VM and vCPU
    public const uint KVM_GET_STATS_FD = 0xAECE; // KVM_CAP_BINARY_STATS_FD
}
