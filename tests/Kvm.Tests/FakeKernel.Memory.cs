using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Tests;

public sealed partial class FakeKernel
{
    // Aligned to one page and to no more, as a real one may be.
    private const ulong FirstAddress = 0x7000_0000_1000;

    private readonly SortedDictionary<ulong, Mapping> _mappings = [];
    private ulong _nextAddress = FirstAddress;

    public int OvercommitMode { get; set; }

    /// <summary>Mappings, reserved ones and guard pages included.</summary>
    public int MappingCount => _mappings.Count;

    public HostAddress Mmap(HostAddress address, ulong length, MemoryProtection protection, MapFlags flags, SafeHandle? file, ulong offset) =>
        Enter(nameof(Mmap), () =>
        {
            var backing = file is null ? new FakeFile("") { Size = ulong.MaxValue } : FileOf(file, "mmap");
            if (backing.Flags is { } made && !made.HasFlag(GuestMemfdFlags.Mmap))
                throw new KernelException("mmap", Errno.ENODEV);
            if (backing.Flags is not null && flags.HasFlag(MapFlags.Private))
                throw new KernelException("mmap", Errno.EINVAL);
            length = (length + MappedMemory.PageSize - 1) & ~(MappedMemory.PageSize - 1);
            var start = address.Value;
            if (flags.HasFlag(MapFlags.Fixed))
            {
                Cut(start, length);
            }
            else
            {
                start = _nextAddress;
                // An odd page between mappings: nothing is aligned by accident.
                _nextAddress += length + MappedMemory.PageSize;
            }

            _mappings.Add(start, new Mapping(length, protection, backing, offset));
            return new HostAddress(start);
        });

    public int GetOvercommitMode() => Enter(nameof(GetOvercommitMode), () => OvercommitMode);

    public void Munmap(HostAddress address, ulong length) => Enter(nameof(Munmap), () => Cut(address.Value, length));

    public void Mprotect(HostAddress address, ulong length, MemoryProtection protection) => Enter(nameof(Mprotect), () => true);

    public void Madvise(HostAddress address, ulong length, MemoryAdvice advice) => Enter(nameof(Madvise), () =>
    {
        for (var at = address.Value; advice == MemoryAdvice.PopulateWrite && at < address.Value + length; at += MappedMemory.PageSize)
            PageAt(at, MemoryProtection.Write, "madvise(MADV_POPULATE_WRITE)");
        return true;
    });

    public void Mbind(HostAddress address, ulong length, MemoryPolicy policy, IReadOnlyCollection<uint> nodes) =>
        Enter(nameof(Mbind), () =>
        {
            if (nodes.Any(node => node != 0))
                throw new KernelException("mbind", Errno.EINVAL);
            // As since Linux 6.19: a file's mappings have one policy.
            if (MappingAt(address.Value) is var (_, mapping))
                mapping.Backing.Policy = policy;
            return true;
        });

    public MemoryPolicy GetMempolicy(HostAddress address) =>
        Enter(nameof(GetMempolicy), () => MappingAt(address.Value)?.Mapping.Backing.Policy ?? MemoryPolicy.Default);

    public void ReadMemory(HostAddress source, Span<byte> target)
    {
        var bytes = new byte[target.Length];
        Enter(nameof(ReadMemory), () =>
        {
            for (var i = 0; i < bytes.Length; i++)
                bytes[i] = PageAt(source.Value + (ulong)i, MemoryProtection.Read, "process_vm_readv")[Within(source, i)];
            return true;
        });
        bytes.CopyTo(target);
    }

    public void WriteMemory(HostAddress target, ReadOnlySpan<byte> source)
    {
        var bytes = source.ToArray();
        Enter(nameof(WriteMemory), () =>
        {
            for (var i = 0; i < bytes.Length; i++)
                PageAt(target.Value + (ulong)i, MemoryProtection.Write, "process_vm_writev")[Within(target, i)] = bytes[i];
            return true;
        });
    }

    private static int Within(HostAddress address, int index) => (int)((address.Value + (ulong)index) % MappedMemory.PageSize);

    private byte[] PageAt(ulong address, MemoryProtection needed, string call)
    {
        if (MappingAt(address) is not var (start, mapping))
            throw new KernelException(call, Errno.EFAULT);
        var at = mapping.Offset + (address - start);
        var there = mapping.Protection.HasFlag(needed) && at < mapping.Backing.Size && mapping.Backing.Flags is null or (GuestMemfdFlags)3;
        return there ? mapping.Backing.Page(at / MappedMemory.PageSize) : throw new KernelException(call, Errno.EFAULT);
    }

    private (ulong Start, Mapping Mapping)? MappingAt(ulong address)
    {
        foreach (var (start, mapping) in _mappings)
        {
            if (address >= start && address - start < mapping.Length)
                return (start, mapping);
        }

        return null;
    }

    /// <summary>Removes a range, and keeps what sticks out of it on both sides.</summary>
    private bool Cut(ulong start, ulong length)
    {
        var end = start + length;
        foreach (var (from, mapping) in _mappings.ToArray())
        {
            var to = from + mapping.Length;
            if (to <= start || from >= end)
                continue;
            _mappings.Remove(from);
            if (from < start)
                _mappings.Add(from, mapping with { Length = start - from });
            if (to > end)
                _mappings.Add(end, mapping with { Length = to - end, Offset = mapping.Offset + (end - from) });
        }

        return true;
    }

    private sealed record Mapping(ulong Length, MemoryProtection Protection, FakeFile Backing, ulong Offset);
}
