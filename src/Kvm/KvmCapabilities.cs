namespace Hostmemd.Kvm;

/// <summary>What this KVM can do, asked once. Immutable: any thread.</summary>
public sealed record KvmCapabilities
{
    /// <summary>The only API version there is since 2007. Source: api.rst 4.1.</summary>
    public const int ApiVersion = 12;

    /// <summary>
    /// Used where CPUID does not tell: what every processor with long mode reaches under the kernels that have these ioctls.
    /// </summary>
    private const int DefaultAddressBits = 46;

    private const uint AddressSizes = 0x80000008;

    /// <summary>KVM_SET_USER_MEMORY_REGION2 is there.</summary>
    public required bool UserMemory2 { get; init; }

    public required int MaxSlots { get; init; }

    /// <summary>KVM_CREATE_GUEST_MEMFD is there for this VM.</summary>
    public required bool GuestMemfd { get; init; }

    /// <summary>Flags that it takes, bits to be tested one by one: pre-releases of 6.18 gave a plain 1 under the same number.</summary>
    public required GuestMemfdFlags GuestMemfdFlags { get; init; }

    /// <summary>Both flags that memory of the host's own needs.</summary>
    public bool GuestMemfdInPlace => GuestMemfd && GuestMemfdFlags.HasFlag(GuestMemfdFlags.Mmap | GuestMemfdFlags.InitShared);

    /// <summary>Bit n: KVM_CREATE_VM takes type n.</summary>
    public required uint VmTypes { get; init; }

    /// <summary>The type this VM was made with.</summary>
    public required uint VmType { get; init; }

    public required bool ReadOnlyMemory { get; init; }

    /// <summary>Bytes of the largest dirty ring a vCPU can have; 0: there are none.</summary>
    public ulong MaxDirtyRing { get; init; }

    public required bool MemoryFaultInfo { get; init; }

    public required bool MemoryAttributes { get; init; }

    public required bool PreFaultMemory { get; init; }

    /// <summary>A vCPU can be told to come back at once: what ends an access of the probe in time.</summary>
    public required bool ImmediateExit { get; init; }

    /// <summary>KVM_GET_STATS_FD is there.</summary>
    public required bool BinaryStats { get; init; }

    /// <summary>
    /// The highest address a vCPU here can reach: 2 to the physical address bits of CPUID 0x80000008, less one; without it 2^46 - 1.
    /// </summary>
    public GuestAddress MaxGuestAddress { get => Reach.Value; init => Reach = new(value); }

    /// <summary>Asked for when it is needed: in a virtual machine each leaf of CPUID is an exit, together as long as making the VM.</summary>
    private Lazy<GuestAddress> Reach { get; init; } = new(Highest(DefaultAddressBits));

    /// <summary>Asks. The VM where it can be asked: a type with private memory has less than the system.</summary>
    internal static KvmCapabilities Read(IKernel kernel, KvmFd kvm, VmFd vm, uint vmType) => new()
    {
        UserMemory2 = kernel.CheckExtension(vm, KvmCapability.UserMemory2) > 0,
        MaxSlots = kernel.CheckExtension(vm, KvmCapability.NrMemslots),
        GuestMemfd = kernel.CheckExtension(vm, KvmCapability.GuestMemfd) > 0,
        GuestMemfdFlags = (GuestMemfdFlags)(uint)kernel.CheckExtension(vm, KvmCapability.GuestMemfdFlags),
        VmTypes = (uint)kernel.CheckExtension(kvm, KvmCapability.VmTypes),
        VmType = vmType,
        ReadOnlyMemory = kernel.CheckExtension(vm, KvmCapability.ReadonlyMem) > 0,
        MaxDirtyRing = (ulong)Math.Max(0, kernel.CheckExtension(vm, KvmCapability.DirtyLogRingAcqRel)),
        MemoryFaultInfo = kernel.CheckExtension(vm, KvmCapability.MemoryFaultInfo) > 0,
        MemoryAttributes = kernel.CheckExtension(vm, KvmCapability.MemoryAttributes) > 0,
        PreFaultMemory = kernel.CheckExtension(vm, KvmCapability.PreFaultMemory) > 0,
        ImmediateExit = kernel.CheckExtension(vm, KvmCapability.ImmediateExit) > 0,
        BinaryStats = kernel.CheckExtension(vm, KvmCapability.BinaryStatsFd) > 0,
        Reach = new(() => Highest(AddressBits(kernel, kvm))),
    };

    private static GuestAddress Highest(int bits) => new((1UL << bits) - 1);

    private static int AddressBits(IKernel kernel, KvmFd kvm)
    {
        try
        {
            foreach (ref readonly var leaf in kernel.GetSupportedCpuid(kvm).AsSpan())
            {
                if (leaf.function == AddressSizes && (leaf.eax & 0xff) is var bits and >= 32 and <= 52)
                    return (int)bits;
            }
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            // Not x86, a KVM that does not tell, or the guest is over: the default below.
        }

        return DefaultAddressBits;
    }
}
