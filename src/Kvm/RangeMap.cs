using System.Diagnostics.CodeAnalysis;

namespace Hostmemd.Kvm;

/// <summary>
/// Ranges of numbers that do not overlap, as addresses, each with a value. Finds overlaps and the first gap that fits without looking at all.
/// </summary>
/// <remarks>
/// A treap: a search tree by start that random priorities keep flat, so that no order of requests makes it deep. Each node knows where its
/// subtree begins and ends and the widest gap in it. A gap that is wide enough but for its alignment is looked at and passed by. Not thread safe.
/// </remarks>
public sealed class RangeMap<T>
{
    private readonly Random _priorities = new();
    private Node? _root;

    public int Count { get; private set; }

    /// <summary>All values by rising start; linear, for a listing.</summary>
    public IEnumerable<T> Values
    {
        get
        {
            var above = new Stack<Node>();
            for (var at = _root; at is not null || above.Count > 0; at = at.Right)
            {
                for (; at is not null; at = at.Left)
                    above.Push(at);
                at = above.Pop();
                yield return at.Value;
            }
        }
    }

    /// <param name="size">Not 0; the last number of the range fits into 64 bits.</param>
    /// <exception cref="ArgumentException">It overlaps another range, or is none.</exception>
    public void Add(ulong start, ulong size, T value)
    {
        if (size == 0 || size - 1 > ulong.MaxValue - start || TryFindOverlap(start, size, out _))
            throw new ArgumentException($"{size} from {start} on are no range, or overlap another one.", nameof(size));
        _root = Insert(_root, new Node(start, start + (size - 1), value, _priorities.Next()));
        Count++;
    }

    /// <returns>false: no range begins there.</returns>
    public bool Remove(ulong start)
    {
        if (!Remove(ref _root, start))
            return false;
        Count--;
        return true;
    }

    /// <summary>The lowest range that shares a number with this one; a range that would wrap ends at the last number.</summary>
    public bool TryFindOverlap(ulong start, ulong size, [MaybeNullWhen(false)] out T value)
    {
        value = default;
        if (size == 0)
            return false;
        Node? found = null;
        for (var at = _root; at is not null;)
        {
            if (at.Last >= start)
                (found, at) = (at, at.Left);
            else
                at = at.Right;
        }
        if (found is null || (found.Start > start && found.Start - start >= size))
            return false;
        value = found.Value;
        return true;
    }

    /// <summary>The lowest multiple of a unit from a number on behind which so many are free.</summary>
    /// <returns>null: there is none below 2^64.</returns>
    public ulong? FirstGap(ulong from, ulong size, ulong unit)
    {
        ArgumentOutOfRangeException.ThrowIfZero(unit);
        var candidate = AlignUp(from, unit);
        Search(_root, ref candidate, size, unit);
        return candidate + size <= (UInt128)1 << 64 ? (ulong)candidate : null;
    }

    /// <summary>Raises the candidate past all ranges that leave no room at it.</summary>
    /// <returns>true: it is in a gap that fits; false: what is behind the subtree decides.</returns>
    private static bool Search(Node? at, ref UInt128 candidate, ulong size, ulong unit)
    {
        if (at is null || at.Highest < candidate)
            return false;
        if (at.WidestGap < size && candidate + size > at.Lowest)
        {
            candidate = AlignUp((UInt128)at.Highest + 1, unit);
            return false;
        }
        if (Search(at.Left, ref candidate, size, unit) || candidate + size <= at.Start)
            return true;
        if (at.Last >= candidate)
            candidate = AlignUp((UInt128)at.Last + 1, unit);
        return Search(at.Right, ref candidate, size, unit);
    }

    private static UInt128 AlignUp(UInt128 value, ulong unit) => (value + (unit - 1)) / unit * unit;

    private static Node Insert(Node? at, Node added)
    {
        if (at is null)
            return added;
        if (added.Start < at.Start)
        {
            at.Left = Insert(at.Left, added);
            return at.Left.Priority > at.Priority ? RaiseLeft(at) : at.Update();
        }
        at.Right = Insert(at.Right, added);
        return at.Right.Priority > at.Priority ? RaiseRight(at) : at.Update();
    }

    private static Node RaiseLeft(Node at)
    {
        var raised = at.Left!;
        at.Left = raised.Right;
        raised.Right = at.Update();
        return raised.Update();
    }

    private static Node RaiseRight(Node at)
    {
        var raised = at.Right!;
        at.Right = raised.Left;
        raised.Left = at.Update();
        return raised.Update();
    }

    private static bool Remove(ref Node? at, ulong start)
    {
        if (at is null)
            return false;
        if (at.Start == start)
        {
            at = Join(at.Left, at.Right);
            return true;
        }
        if (!(start < at.Start ? Remove(ref at.Left, start) : Remove(ref at.Right, start)))
            return false;
        at.Update();
        return true;
    }

    /// <summary>One tree of two, of which the first is all below the second.</summary>
    private static Node? Join(Node? low, Node? high)
    {
        if (low is null || high is null)
            return low ?? high;
        if (low.Priority > high.Priority)
        {
            low.Right = Join(low.Right, high);
            return low.Update();
        }
        high.Left = Join(low, high.Left);
        return high.Update();
    }

    private sealed class Node(ulong start, ulong last, T value, int priority)
    {
        public Node? Left;
        public Node? Right;

        public ulong Start { get; } = start;

        public ulong Last { get; } = last;

        public T Value => value;

        public int Priority => priority;

        public ulong Lowest { get; private set; } = start;

        public ulong Highest { get; private set; } = last;

        public ulong WidestGap { get; private set; }

        /// <summary>After its children have changed.</summary>
        public Node Update()
        {
            (Lowest, Highest, WidestGap) = (Start, Last, 0);
            if (Left is not null)
            {
                Lowest = Left.Lowest;
                WidestGap = Math.Max(Left.WidestGap, Start - Left.Highest - 1);
            }
            if (Right is not null)
            {
                Highest = Right.Highest;
                WidestGap = Math.Max(WidestGap, Math.Max(Right.WidestGap, Right.Lowest - Last - 1));
            }
            return this;
        }
    }
}
