using System.Globalization;
using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    private const uint MoveStrictly = 1 | 2; // MPOL_MF_STRICT, MPOL_MF_MOVE
    private const uint PolicyOfAddress = 2; // MPOL_F_ADDR
    private const string OvercommitMode = "/proc/sys/vm/overcommit_memory";

    public HostAddress Mmap(
        HostAddress address, ulong length, MemoryProtection protection, MapFlags flags, SafeHandle? file, ulong offset) =>
        new((ulong)Check("mmap", Uninterrupted(
            (address, length, protection, flags, file, Offset: Signed(offset, "mmap")),
            static call => Syscall.Mmap(call.address.Value, call.length, (int)call.protection, (int)call.flags, call.file, call.Offset))));

    public int GetOvercommitMode()
    {
        try
        {
            // Asked for with every backend that reserves nothing: a stream's buffers would be most of what making one allocates.
            using var file = Open(OvercommitMode, 0, 0);
            Span<byte> text = stackalloc byte[16];
            var length = Read(file, text);
            return int.TryParse(text[..length].TrimEnd((byte)'\n'), NumberStyles.None, CultureInfo.InvariantCulture, out var mode)
                ? mode
                : throw new KernelException(OvercommitMode, Errno.EIO);
        }
        catch (KernelException e)
        {
            throw new KernelException(OvercommitMode, e.Errno);
        }
    }

    public void Munmap(HostAddress address, ulong length) =>
        Check("munmap", Uninterrupted((address, length), static call => Syscall.Munmap(call.address.Value, call.length)));

    public void Mprotect(HostAddress address, ulong length, MemoryProtection protection) =>
        Check("mprotect", Syscall.Mprotect(address.Value, length, (int)protection));

    public void Madvise(HostAddress address, ulong length, MemoryAdvice advice)
    {
        var result = Uninterrupted((address, length, advice), static call => Syscall.Madvise(call.address.Value, call.length, (int)call.advice));
        if (result < 0)
            Check($"madvise({Name(advice)})", result);
    }

    public void Mbind(HostAddress address, ulong length, MemoryPolicy policy, IReadOnlyCollection<uint> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        var highest = nodes.Count == 0 ? 0 : nodes.Max();
        var words = new ulong[(highest / 64) + 1];
        foreach (var node in nodes)
            words[node / 64] |= 1UL << (int)(node % 64);
        // The kernel reads one bit less than it is told, hence two more than the highest number. Source: man 2 mbind, BUGS of
        // get_mempolicy.
        var bits = nodes.Count == 0 ? 0UL : highest + 2UL;
        fixed (ulong* mask = words)
        {
            // SAFETY: the mask has a word for every bit that is announced, but for the last, which the kernel does not read.
            var pinned = nodes.Count == 0 ? null : mask;
            Check("mbind", Uninterrupted(() => Syscall.Mbind(address.Value, length, (int)policy, pinned, bits, MoveStrictly)));
        }
    }

    public MemoryPolicy GetMempolicy(HostAddress address)
    {
        int mode;
        // SAFETY: one int on this stack frame; the address is only looked up.
        Check("get_mempolicy", Syscall.GetMempolicy(&mode, address.Value, PolicyOfAddress));
        return (MemoryPolicy)mode;
    }

    public void ReadMemory(HostAddress source, Span<byte> target)
    {
        fixed (byte* start = target)
        {
            // SAFETY: the kernel checks the source itself (EFAULT); the target is pinned and as long as said.
            for (var done = 0; done < target.Length;)
            {
                var local = new Libc.Iovec { Base = start + done, Length = (ulong)(target.Length - done) };
                var remote = new Libc.Iovec { Base = (void*)(source.Value + (ulong)done), Length = local.Length };
                var result = Syscall.Result(Libc.process_vm_readv(Environment.ProcessId, &local, 1, &remote, 1, 0));
                done += Progress("process_vm_readv", result);
            }
        }
    }

    public void WriteMemory(HostAddress target, ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
        {
            // SAFETY: the kernel checks the target itself (EFAULT); the source is pinned and as long as said.
            for (var done = 0; done < source.Length;)
            {
                var local = new Libc.Iovec { Base = start + done, Length = (ulong)(source.Length - done) };
                var remote = new Libc.Iovec { Base = (void*)(target.Value + (ulong)done), Length = local.Length };
                var result = Syscall.Result(Libc.process_vm_writev(Environment.ProcessId, &local, 1, &remote, 1, 0));
                done += Progress("process_vm_writev", result);
            }
        }
    }

    /// <summary>A short copy goes on behind what was done; one of nothing at all would go on for ever.</summary>
    private static int Progress(string call, nint result) =>
        Check(call, result) == 0 ? throw new KernelException(call, Errno.EFAULT) : (int)result;

    private static string Name(MemoryAdvice advice) => advice switch
    {
        MemoryAdvice.DontNeed => "MADV_DONTNEED",
        MemoryAdvice.Remove => "MADV_REMOVE",
        MemoryAdvice.DontFork => "MADV_DONTFORK",
        MemoryAdvice.Mergeable => "MADV_MERGEABLE",
        MemoryAdvice.Unmergeable => "MADV_UNMERGEABLE",
        MemoryAdvice.HugePage => "MADV_HUGEPAGE",
        MemoryAdvice.NoHugePage => "MADV_NOHUGEPAGE",
        MemoryAdvice.DontDump => "MADV_DONTDUMP",
        MemoryAdvice.DoDump => "MADV_DODUMP",
        MemoryAdvice.PopulateRead => "MADV_POPULATE_READ",
        MemoryAdvice.PopulateWrite => "MADV_POPULATE_WRITE",
        _ => $"{(int)advice}",
    };
}
