using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Sessions;

/// <summary>
/// Descriptors that came over one connection and that no command took, with where in the input they came: a command takes those on its own
/// bytes or before them, and the last ones of these. So a command that was refused leaves nothing that a later one takes for its own, as in
/// QEMU.
/// </summary>
internal sealed class DescriptorQueue(int capacity) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly LinkedList<(long From, Queue<SafeFileHandle> Descriptors)> _arrivals = new();
    private int _count;
    private bool _closed;

    /// <summary>Keeps what came with one message; what was there before gives way when there is too much.</summary>
    /// <param name="from">Bytes of input before the message.</param>
    /// <param name="descriptors">Owned from now on. None: some came and were lost, so those from before are nobody's any more.</param>
    public void Add(long from, IEnumerable<SafeFileHandle> descriptors)
    {
        var arrived = new Queue<SafeFileHandle>(descriptors);
        lock (_gate)
        {
            if (!_closed)
            {
                _arrivals.AddLast((from, arrived));
                _count += arrived.Count;
                while (_arrivals.Count > 1 && (_count > capacity || _arrivals.Count > capacity))
                    DropFirst();
                return;
            }
        }
        foreach (var descriptor in arrived)
            descriptor.Dispose();
    }

    /// <summary>The descriptor for a command; null for none.</summary>
    /// <param name="end">Bytes of input up to the command's end: what came behind it is for later ones.</param>
    public SafeFileHandle? Take(long end)
    {
        lock (_gate)
        {
            while (_arrivals.First?.Next is { } second && second.Value.From < end)
                DropFirst();
            if (_arrivals.First is not { } first || first.Value.From >= end || !first.Value.Descriptors.TryDequeue(out var descriptor))
                return null;
            _count--;
            return descriptor;
        }
    }

    /// <summary>All that are here, in the order they came; they stay the queue's.</summary>
    public List<(long From, List<SafeFileHandle> Descriptors)> Arrivals()
    {
        lock (_gate)
            return [.. _arrivals.Select(arrival => (arrival.From, arrival.Descriptors.ToList()))];
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            while (_arrivals.Count > 0)
                DropFirst();
        }
    }

    private void DropFirst()
    {
        var descriptors = _arrivals.First!.Value.Descriptors;
        _arrivals.RemoveFirst();
        _count -= descriptors.Count;
        foreach (var descriptor in descriptors)
            descriptor.Dispose();
    }
}
