using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Native;

/// <summary>General registers of an x86 vCPU.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_regs
{
    public ulong rax, rbx, rcx, rdx;
    public ulong rsi, rdi, rsp, rbp;
    public ulong r8, r9, r10, r11;
    public ulong r12, r13, r14, r15;
    public ulong rip, rflags;
}

/// <summary>A segment register with its hidden part.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_segment
{
    public ulong @base;
    public uint limit;
    public ushort selector;
    public byte type;
    public byte present, dpl, db, s, l, g, avl;
    public byte unusable;
    public byte padding;
}

/// <summary>GDT or IDT register.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
public struct kvm_dtable
{
    public ulong @base;
    public ushort limit;
}

/// <summary>Special registers of an x86 vCPU.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_sregs
{
    public kvm_segment cs, ds, es, fs, gs, ss;
    public kvm_segment tr, ldt;
    public kvm_dtable gdt, idt;
    public ulong cr0, cr2, cr3, cr4, cr8;
    public ulong efer;
    public ulong apic_base;
    public InterruptBitmap interrupt_bitmap;

    /// <summary>One bit for each of the 256 interrupts.</summary>
    [InlineArray(4)]
    public struct InterruptBitmap
    {
        private ulong _element;
    }
}

/// <summary>One CPUID leaf as KVM gives and takes it.</summary>
[StructLayout(LayoutKind.Sequential, Size = 40)]
public struct kvm_cpuid_entry2
{
    public uint function;
    public uint index;
    public uint flags;
    public uint eax, ebx, ecx, edx;
}

/// <summary>The page shared with the kernel while a vCPU runs; only the fields that are read or written here.</summary>
[StructLayout(LayoutKind.Explicit)]
internal struct kvm_run
{
    [FieldOffset(1)] public byte immediate_exit;
    [FieldOffset(8)] public uint exit_reason;
    [FieldOffset(32)] public ulong mmio_phys_addr;
    [FieldOffset(48)] public uint mmio_len;
    [FieldOffset(52)] public byte mmio_is_write;
    [FieldOffset(40)] public ulong memory_fault_gpa;
}

/// <summary>KVM_EXIT_*: why KVM_RUN came back.</summary>
internal enum KvmExit : uint
{
    Unknown = 0,
    Io = 2,
    Mmio = 6,
    Shutdown = 8,
    FailEntry = 9,
    Intr = 10,
    InternalError = 17,
    DirtyRingFull = 31,
    MemoryFault = 39,
}
