using System.Numerics;
using System.Runtime.InteropServices;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.DirtyRate;

/// <summary>
/// Estimates by looking at pages chosen at random twice, as slow work: whoever changed them, vCPU, host or another process. A page that
/// nobody has touched is not read, as that would allocate it.
/// </summary>
/// <param name="perGibibyte">Pages to look at of each GiB; of a small range at least 64.</param>
internal sealed class SampleCount(Guest guest, ulong perGibibyte) : IDirtyCount
{
    private const ulong LeastSamples = 64;
    private const ulong Absent = 0;

    private readonly Random _random = new();
    private readonly List<Sampled> _ranges = [];

    private sealed record Sampled(GuestMemoryRange Range, ulong[] Offsets, ulong[] Seen);

    public Task BeginAsync() => guest.SlowWork.RunAsync(guest.Work, () =>
    {
        foreach (var range in guest.State.MemoryIn(0, ulong.MaxValue))
        {
            var pages = range.Size / MappedMemory.PageSize;
            if (pages == 0)
                continue;
            var count = Math.Min(pages, Math.Max(LeastSamples, (ulong)((UInt128)range.Size * perGibibyte >> 30)));
            var offsets = new ulong[count];
            foreach (ref var offset in offsets.AsSpan())
                offset = range.Offset + ((ulong)_random.NextInt64((long)pages) * MappedMemory.PageSize);
            if (TryLook(range, offsets) is { } seen)
                _ranges.Add(new Sampled(range, offsets, seen));
        }
    });

    public Task<double> EndAsync() => guest.SlowWork.RunAsync(guest.Work, () =>
    {
        var bytes = 0.0;
        foreach (var (range, offsets, before) in _ranges)
        {
            if (TryLook(range, offsets) is { } now)
                bytes += range.Size * (double)now.Zip(before).Count(page => page.First != page.Second) / offsets.Length;
        }
        return bytes;
    });

    /// <returns>null: the memory is going.</returns>
    private ulong[]? TryLook(GuestMemoryRange range, ulong[] offsets)
    {
        var seen = new ulong[offsets.Length];
        try
        {
            range.Backend.WhileHeld(() =>
            {
                var page = new byte[MappedMemory.PageSize];
                for (var i = 0; i < offsets.Length; i++)
                    seen[i] = Look(range, offsets[i], page);
            });
            return seen;
        }
        catch (QmpException)
        {
            return null;
        }
    }

    private ulong Look(GuestMemoryRange range, ulong offset, byte[] page)
    {
        var present = new byte[1];
        try
        {
            guest.Kernel.Mincore(range.Backend.Memory.Address.Add(offset), MappedMemory.PageSize, present);
            if ((present[0] & 1) == 0)
                return Absent;
            range.Backend.Memory.Read(offset, page);
        }
        catch (KernelException)
        {
            // Cut off behind our back: there is nothing that could be written.
            return Absent;
        }
        ulong hash = 0xcbf2_9ce4_8422_2325;
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(page))
            hash = BitOperations.RotateLeft((hash ^ word) * 0x9e37_79b9_7f4a_7c15, 29);
        return hash | 1;
    }
}
