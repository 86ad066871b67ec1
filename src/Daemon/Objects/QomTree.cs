using Hostmemd.Guests;
using Hostmemd.Objects.Threads;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>The QOM tree of one guest, built from its published state when somebody looks.</summary>
internal sealed class QomTree
{
    private readonly QomNode _root;

    public QomTree(Guest guest)
        : this(guest, guest.State)
    {
    }

    public QomTree(Guest guest, GuestState state)
    {
        var peripheral = new ContainerNode(
            "/machine/peripheral", "container",
            () => state.Dimms.Values.Where(dimm => dimm.Id is not null).Select(dimm => new DimmNode(dimm)),
            name => guest.Dimms.Find(name, state) is { Id: not null } dimm ? new DimmNode(dimm) : null);
        var anonymous = new ContainerNode(
            "/machine/peripheral-anon", "container",
            () => state.Dimms.Values.Where(dimm => dimm.Id is null).Select(dimm => new DimmNode(dimm)),
            name => guest.Dimms.Find(name, state) is { Id: null } dimm ? new DimmNode(dimm) : null);
        QomNode[] devices = [anonymous, peripheral];
        var node = new ContainerNode("/machine", guest.Machine.QomType, () => devices);
        var objects = new ContainerNode("/objects", "container", () => Objects(guest, state), name => FindObject(guest, state, name));
        QomNode[] all = [node, objects];
        _root = new ContainerNode("/", "container", () => all);
    }

    /// <exception cref="QmpException">DeviceNotFound; an ambiguous path is said to be so (qom-list, qom-list-get).</exception>
    public QomNode ResolveOrSayAmbiguous(string path) =>
        TryResolve(path, out var node, out var ambiguous) ? node!
        : throw (ambiguous ? ObjectErrors.AmbiguousPath(path) : ObjectErrors.DeviceNotFound(path));

    /// <exception cref="QmpException">DeviceNotFound, for an ambiguous path too (qom-get, qom-set).</exception>
    /// <param name="shown">What the client called it, where that is not the path.</param>
    public QomNode Resolve(string path, string? shown = null) =>
        TryResolve(path, out var node, out _) ? node! : throw ObjectErrors.DeviceNotFound(shown ?? path);

    /// <summary>What a link means: objects of other types that are called the same do not count (seen in QEMU 11.1.3).</summary>
    /// <param name="property">The link's name.</param>
    /// <param name="type">What it links to.</param>
    /// <param name="isOfType">Whether a node is that; null: each of its class.</param>
    /// <exception cref="QmpException">DeviceNotFound; or there are objects of other types alone.</exception>
    public TNode ResolveLink<TNode>(string path, string property, string type, Func<TNode, bool>? isOfType = null)
        where TNode : QomNode
    {
        var found = Find(path, out var isNameless);
        return found.OfType<TNode>().FirstOrDefault(isOfType ?? (_ => true))
            ?? throw (found.Count > 0 || isNameless ? ObjectErrors.WrongLink(property, type) : ObjectErrors.DeviceNotFound(path));
    }

    /// <summary>An absolute path, or the tail of one where just one object has it. Empty components do not count.</summary>
    public bool TryResolve(string path, out QomNode? node, out bool ambiguous)
    {
        var found = Find(path, out var isNameless);
        ambiguous = found.Count > 1 || isNameless;
        node = found.Count == 1 ? found[0] : null;
        return node is not null;
    }

    /// <param name="isNameless">It is the tail of every path.</param>
    private List<QomNode> Find(string path, out bool isNameless)
    {
        var components = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        isNameless = components.Length == 0 && !path.StartsWith('/');
        if (path.StartsWith('/'))
            return Walk(_root, components) is { } node ? [node] : [];
        var found = new List<QomNode>();
        if (!isNameless)
            Search(_root, components, found);
        return found;
    }

    private static IEnumerable<QomNode> Objects(Guest guest, GuestState state) =>
        state.Backends.Values.Select(backend => (QomNode)new BackendNode(backend))
            .Concat(state.Threads.Values.Select(thread => new ThreadNode(thread, guest.Kernel)))
            .Concat(guest.Options.Monitors.Select(monitor => new MonitorNode(monitor)));

    private static QomNode? FindObject(Guest guest, GuestState state, string name) =>
        state.Backends.TryGetValue(name, out var backend) ? new BackendNode(backend)
        : state.Threads.TryGetValue(name, out var thread) ? new ThreadNode(thread, guest.Kernel)
        : guest.Options.Monitors.FirstOrDefault(monitor => monitor.Id == name) is { } found ? new MonitorNode(found)
        : null;

    private static QomNode? Walk(QomNode from, ReadOnlySpan<string> components)
    {
        QomNode? at = from;
        foreach (var component in components)
            at = at?.Child(component);
        return at;
    }

    private static void Search(QomNode from, string[] components, List<QomNode> found)
    {
        if (Walk(from, components) is { } match)
            found.Add(match);
        foreach (var child in from.Holders(components[0]))
            Search(child, components, found);
    }
}
