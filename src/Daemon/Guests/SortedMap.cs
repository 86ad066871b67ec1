using System.Diagnostics.CodeAnalysis;

namespace Hostmemd.Guests;

/// <summary>
/// A map by rising key that never changes; a change makes a new one, which shares all nodes but those of one path with the old one. A B-tree:
/// the path of ImmutableSortedDictionary has 15 nodes at 32,000 entries, this one's has three or four.
/// </summary>
/// <remarks>A node has at most 32 entries. A removal takes empty nodes away and fills no others up: nothing gets deeper by it.</remarks>
internal sealed class SortedMap<TKey, TValue>
    where TKey : notnull
{
    private const int MaxEntries = 32;

    private readonly IComparer<TKey> _order;
    private readonly Node _root;

    private SortedMap(IComparer<TKey> order, Node root, int count)
    {
        _order = order;
        _root = root;
        Count = count;
    }

    public int Count { get; }

    /// <summary>All of them by rising key.</summary>
    public IEnumerable<TValue> Values => Walk(_ => 0);

    public static SortedMap<TKey, TValue> Empty(IComparer<TKey> order) => new(order, Node.Leaf([], []), 0);

    /// <summary>By rising key, from the last one on that is not above the key; all of them where none is.</summary>
    public IEnumerable<TValue> FromLastUpTo(TKey key) => Walk(node => Child(node, key));

    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        var node = _root;
        while (node.Children.Length > 0)
            node = node.Children[Child(node, key)];
        var at = Find(node, key);
        value = at >= 0 ? node.Values[at] : default;
        return at >= 0;
    }

    public TValue? GetValueOrDefault(TKey key) => TryGetValue(key, out var value) ? value : default;

    /// <exception cref="ArgumentException">The key is there already.</exception>
    public SortedMap<TKey, TValue> Add(TKey key, TValue value)
    {
        var (root, split) = Add(_root, key, value);
        return new(_order, split is null ? root : Node.Inner([root.Keys[0], split.Keys[0]], [root, split]), Count + 1);
    }

    /// <returns>The same map where the key is not there.</returns>
    public SortedMap<TKey, TValue> Remove(TKey key)
    {
        var root = Remove(_root, key);
        if (root == _root)
            return this;
        while (root?.Children.Length == 1)
            root = root.Children[0];
        return root is null ? Empty(_order) : new(_order, root, Count - 1);
    }

    private IEnumerable<TValue> Walk(Func<Node, int> first)
    {
        // What is still to be visited: nodes, and the entry of each to begin at.
        var path = new Stack<(Node Node, int At)>();
        var leaf = _root;
        for (; leaf.Children.Length > 0; leaf = leaf.Children[path.Peek().At - 1])
            path.Push((leaf, first(leaf) + 1));
        path.Push((leaf, first(leaf)));
        while (path.TryPop(out var next))
        {
            for (var at = next.At; at < next.Node.Values.Length; at++)
                yield return next.Node.Values[at];
            if (next.At >= next.Node.Children.Length)
                continue;
            path.Push((next.Node, next.At + 1));
            path.Push((next.Node.Children[next.At], 0));
        }
    }

    private int Find(Node node, TKey key) => Array.BinarySearch(node.Keys, key, _order);

    /// <summary>The last entry whose key is not above this one; the first, where there is none.</summary>
    private int Child(Node node, TKey key)
    {
        var found = Find(node, key);
        return found >= 0 ? found : Math.Max(~found - 1, 0);
    }

    private (Node Node, Node? Split) Add(Node node, TKey key, TValue value)
    {
        if (node.Children.Length == 0)
        {
            var found = Find(node, key);
            if (found >= 0)
                throw new ArgumentException($"There is a {key} already.", nameof(key));
            return Node.Leaf(With(node.Keys, ~found, key), With(node.Values, ~found, value)).Split();
        }
        var at = Child(node, key);
        var (child, added) = Add(node.Children[at], key, value);
        var changed = WithChild(node, at, child);
        return added is null
            ? (changed, null)
            : Node.Inner(With(changed.Keys, at + 1, added.Keys[0]), With(changed.Children, at + 1, added)).Split();
    }

    /// <returns>The same node where the key is not there; null where nothing is left.</returns>
    private Node? Remove(Node node, TKey key)
    {
        var at = node.Children.Length == 0 ? Find(node, key) : Child(node, key);
        if (at < 0)
            return node;
        var child = node.Children.Length == 0 ? null : Remove(node.Children[at], key);
        if (child is not null)
            return child == node.Children[at] ? node : WithChild(node, at, child);
        if (node.Keys.Length == 1)
            return null;
        return new Node(Without(node.Keys, at), Without(node.Values, at), Without(node.Children, at));
    }

    private Node WithChild(Node node, int at, Node child) => Node.Inner(
        _order.Compare(child.Keys[0], node.Keys[at]) == 0 ? node.Keys : Replaced(node.Keys, at, child.Keys[0]),
        Replaced(node.Children, at, child));

    private static T[] With<T>(T[] items, int at, T added) => [.. items.AsSpan(0, at), added, .. items.AsSpan(at)];

    private static T[] Without<T>(T[] items, int at) => items.Length == 0 ? items : [.. items.AsSpan(0, at), .. items.AsSpan(at + 1)];

    private static T[] Replaced<T>(T[] items, int at, T item)
    {
        var copy = items.AsSpan().ToArray();
        copy[at] = item;
        return copy;
    }

    /// <summary>A leaf has keys and values, an inner node has children and the lowest key in each.</summary>
    private sealed record Node(TKey[] Keys, TValue[] Values, Node[] Children)
    {
        public static Node Leaf(TKey[] keys, TValue[] values) => new(keys, values, []);

        public static Node Inner(TKey[] keys, Node[] children) => new(keys, [], children);

        public (Node Node, Node? Split) Split()
        {
            if (Keys.Length <= MaxEntries)
                return (this, null);
            var half = Keys.Length / 2;
            return Children.Length > 0
                ? (Inner(Keys[..half], Children[..half]), Inner(Keys[half..], Children[half..]))
                : (Leaf(Keys[..half], Values[..half]), Leaf(Keys[half..], Values[half..]));
        }
    }
}
