using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

/// <summary>Binary statistics of a VM or vCPU: names and offsets are read from the descriptor, none is known beforehand.</summary>
/// <remarks>Source: api.rst 4.135.</remarks>
public sealed class Statistics : IDisposable
{
    private readonly IKernel _kernel;
    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, ulong> _offsets = [];
    private readonly List<(Statistic Described, ulong Offset, int Count)> _table = [];

    /// <summary>Takes ownership of <paramref name="file"/>, also when it throws, and reads its table.</summary>
    public Statistics(IKernel kernel, SafeFileHandle file)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        _kernel = kernel;
        _file = file;
        try
        {
            ReadTable();
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public IReadOnlyCollection<string> Names => _offsets.Keys;

    /// <summary>The (first) value of a statistic; null where this kernel has none of that name.</summary>
    public ulong? Read(string name)
    {
        if (!_offsets.TryGetValue(name, out var offset))
            return null;
        Span<byte> value = stackalloc byte[8];
        ReadAll(value, offset);
        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }

    /// <summary>All statistics in the kernel's order. Those of a type or unit that is not known here are left out.</summary>
    public IReadOnlyList<Statistic> ReadAll() => [.. _table.Select(entry =>
    {
        var values = new ulong[entry.Count];
        ReadAll(MemoryMarshal.AsBytes(values.AsSpan()), entry.Offset);
        return entry.Described with { Values = values };
    })];

    public void Dispose() => _file.Dispose();

    private void ReadTable()
    {
        Span<byte> head = stackalloc byte[24];
        ReadAll(head, 0);
        var header = MemoryMarshal.Read<kvm_stats_header>(head);
        var entrySize = checked((int)(16 + header.name_size));
        var table = new byte[checked(entrySize * (int)header.num_desc)];
        ReadAll(table, header.desc_offset);
        for (var entry = table.AsSpan(); entry.Length >= entrySize && entrySize > 16; entry = entry[entrySize..])
        {
            var name = Encoding.ASCII.GetString(entry[16..entrySize]).TrimEnd('\0');
            var described = MemoryMarshal.Read<kvm_stats_desc>(entry);
            var offset = _offsets[name] = (ulong)header.data_offset + described.offset;
            var (type, unit) = ((StatisticType)(described.flags & 0xf), (StatisticUnit)((described.flags >> 4) & 0xf));
            var number = (described.flags & 0xf00) == 0x100 ? 2 : 10; // KVM_STATS_BASE_POW2
            if (type <= StatisticType.LogHistogram && unit <= StatisticUnit.Boolean)
                _table.Add((new Statistic(name, type, unit, number, described.exponent, described.bucket_size, []), offset, described.size));
        }
    }

    private void ReadAll(Span<byte> target, ulong offset)
    {
        while (!target.IsEmpty)
        {
            var read = _kernel.Pread(_file, target, offset);
            if (read == 0)
                throw new KernelException("pread", Errno.EIO);
            target = target[read..];
            offset += (ulong)read;
        }
    }
}
