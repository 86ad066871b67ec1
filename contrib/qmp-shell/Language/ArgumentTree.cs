namespace Hostmemd.QmpShell.Language;

/// <summary>Collects <c>key=value</c>; keys with dots make objects within objects.</summary>
internal sealed class ArgumentTree
{
    private readonly List<KeyValuePair<string, object>> _members = [];

    /// <exception cref="FormatException">The key is taken, or is a value where an object is needed.</exception>
    public void Add(string key, LineValue value)
    {
        string[] path = key.Split('.');
        ArgumentTree tree = this;
        foreach (string name in path[..^1])
        {
            object? member = tree.Find(name);
            if (member is LineValue)
                throw new FormatException($"{key}: {name} has a value already, so it cannot have members");
            var next = member as ArgumentTree ?? new ArgumentTree();
            if (member is null)
                tree._members.Add(new(name, next));
            tree = next;
        }

        if (path.Any(name => name.Length == 0))
            throw new FormatException($"{key}: a name between dots is missing");
        if (tree.Find(path[^1]) is not null)
            throw new FormatException($"{key} is given twice");
        tree._members.Add(new(path[^1], value));
    }

    public LineValue.Members Build() =>
        new([.. _members.Select(member => new KeyValuePair<string, LineValue>(member.Key, member.Value as LineValue ?? ((ArgumentTree)member.Value).Build()))]);

    private object? Find(string name) => _members.Find(member => member.Key == name).Value;
}
