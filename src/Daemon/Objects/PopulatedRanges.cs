namespace Hostmemd.Objects;

/// <summary>Parts of a backend that have been populated, one after the other in any order.</summary>
internal sealed class PopulatedRanges
{
    /// <summary>Where each begins, and where it ends. No two touch.</summary>
    private readonly SortedList<ulong, ulong> _ranges = [];

    /// <summary>Adds a part; what it touches becomes one with it.</summary>
    public void Add(ulong offset, ulong length)
    {
        var (start, end) = (offset, checked(offset + length));
        foreach (var (other, otherEnd) in _ranges.Where(range => range.Key <= end && range.Value >= start).ToList())
        {
            (start, end) = (Math.Min(start, other), Math.Max(end, otherEnd));
            _ranges.Remove(other);
        }

        _ranges.Add(start, end);
    }

    /// <summary>Nothing is missing up to a size.</summary>
    public bool Cover(ulong size) => _ranges.TryGetValue(0, out var end) && end >= size;
}
