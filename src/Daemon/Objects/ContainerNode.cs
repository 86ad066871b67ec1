namespace Hostmemd.Objects;

/// <summary>An object that only holds others.</summary>
/// <param name="find">For a container of objects with ids, of which there can be thousands: the one of that id.</param>
internal sealed class ContainerNode(string path, string typeName, Func<IEnumerable<QomNode>> children, Func<string, QomNode?>? find = null)
    : QomNode(path, typeName)
{
    public override IEnumerable<QomNode> Children => children();

    /// <summary>What is below an object with an id has a name like "m0[0]", which no id can be.</summary>
    public override IEnumerable<QomNode> Holders(string name) => find is null || name.Contains('[') ? Children : [];

    public override QomNode? Child(string name) => find is null ? base.Child(name) : find(name);
}
