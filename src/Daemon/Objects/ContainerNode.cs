namespace Hostmemd.Objects;

/// <summary>An object that only holds others.</summary>
internal sealed class ContainerNode(string path, string typeName, Func<IEnumerable<QomNode>> children, Func<string, QomNode?>? find = null)
    : QomNode(path, typeName)
{
    public override IEnumerable<QomNode> Children => children();

    public override QomNode? Child(string name) => find is null ? base.Child(name) : find(name);
}
