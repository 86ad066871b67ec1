namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>
/// Makes object-add and qom-set requests from the schema's members, always the same for a seed. They come in groups that run in order on
/// one session, begin without objects, and leave whatever they made to be removed.
/// </summary>
internal sealed class RequestGenerator(ulong seed)
{
    private const int GroupLength = 10;

    private static readonly string[] Ids = ["a", "b", "b", "c", "c", "d", "d", "e", "e", "x.y_z-1"];
    private static readonly string[] OddIds =
        ["\"\"", "\"1a\"", "\"a b\"", "\"\u00e4\"", "\"a/b\"", "\"-x\"", "\"a[0]\"", "\"a,b\"", "7", "null", "[]", "true"];

    private static readonly string[] OddTypes =
        ["\"memory-backend\"", "\"container\"", "\"\"", "\"nothing\"", "\"memory-backend-RAM\"", "\"memory-backend-epc\"", "1", "null", "{}"];

    private static readonly string[] Strangers = ["foo", "sizes", "Size", "hugetlb", "mem-path", "props", "poll-max-ns", "id2"];
    private static readonly string[] OddPaths =
    [
        "/objects/none", "none", "", "/", "/objects", "/objects/{0}", "/objects/{0}/", "//objects///{0}", "objects/{0}", "/objects/{0}/{0}[0]",
        "/none/{0}", "/objects/{0}/none",
    ];

    private static readonly string[] OddProperties = ["type", "{0}[0]", "foo", "", "id", "qom-type", "thread-id", "seal", "mem-path"];

    private readonly SplitMix _random = new(seed);
    private readonly IReadOnlyList<ObjectKind> _kinds = ObjectKind.Load();
    private readonly Dictionary<string, ObjectKind> _tried = [];
    private readonly HashSet<string> _readOnlyShared = [];

    /// <summary>First each property of each kind by qom-set, with a right and an odd value; then at random.</summary>
    /// <param name="count">Requests, over all groups.</param>
    public IEnumerable<IReadOnlyList<string>> EachPropertyThenAtRandom(int count)
    {
        foreach (var kind in _kinds)
            foreach (var members in kind.Members.Chunk((GroupLength - 1) / 2))
            {
                string[] group = [Simple(kind), .. members.SelectMany(member => new[]
                {
                    Set("/objects/a", member.Name, _random.Pick(MemberValues.Right(member))),
                    Set("/objects/a", member.Name, _random.Pick(MemberValues.Odd(member))),
                })];
                count -= group.Length;
                yield return group;
            }
        foreach (var group in AtRandom(count))
            yield return group;
    }

    /// <inheritdoc cref="EachPropertyThenAtRandom"/>
    public IEnumerable<IReadOnlyList<string>> AtRandom(int count)
    {
        while (count > 0)
        {
            _tried.Clear();
            _readOnlyShared.Clear();
            // Something that is there, so that not all of qom-set is about what is not; then in order, as requests depend on those before.
            _tried["a"] = _random.Pick(_kinds);
            var group = new List<string> { Simple(_tried["a"]) };
            while (group.Count < Math.Min(GroupLength, count))
                group.Add(_random.Chance(65) ? Add() : Set());
            count -= group.Count;
            yield return group;
        }
    }

    /// <summary>An object "a" with no more than it needs.</summary>
    private static string Simple(ObjectKind kind) => Request("object-add", [
        ("qom-type", MemberValues.Quote(kind.Name)), ("id", "\"a\""),
        .. kind.Members.Where(member => !member.Optional)
            .Select(member => (member.Name, member.Name == "size" ? "2097152" : "\"@DIR@/two\""))]);

    private string Add()
    {
        // Memory backends above all, and files above those: they have the most rules.
        var kind = _kinds[_random.Pick([0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 4, 5])];
        var id = kind.Name == "thread-context" ? "t" : _random.Pick(Ids);
        var mood = _random.Below(10);
        var chosen = kind.Members.Where(member => _random.Chance(member.Optional ? 18 : 97)).ToList();
        var odd = mood is >= 5 and < 9 && chosen.Count > 0 ? _random.Pick(chosen) : null;
        var members = chosen
            .Select(member => (member.Name, Value: _random.Pick(
                member == odd || (mood == 9 && _random.Chance(40)) ? MemberValues.Odd(member) : MemberValues.Right(member))))
            .ToList();
        if (mood != 9)
            CompletePolicy(members);
        KeepQemuAlive(id, members);
        if (_random.Chance(4))
        {
            var strangers = Strangers.Except(kind.Members.Select(member => member.Name)).ToList();
            members.Add((_random.Pick(strangers), _random.Pick(["true", "1", "\"x\""])));
        }
        if (!_random.Chance(2))
            members.Insert(0, ("id", _random.Chance(4) ? _random.Pick(OddIds) : MemberValues.Quote(id)));
        if (!_random.Chance(2))
            members.Insert(0, ("qom-type", _random.Chance(3) ? _random.Pick(OddTypes) : MemberValues.Quote(kind.Name)));
        if (_random.Chance(20))
            members.Reverse();
        _tried.TryAdd(id, kind);
        return Request("object-add", members);
    }

    /// <summary>Nodes without a policy, or the reverse, are refused: now and then is enough.</summary>
    private void CompletePolicy(List<(string Name, string Value)> members)
    {
        var hasPolicy = members.Any(member => member.Name == "policy");
        if (hasPolicy == members.Any(member => member.Name == "host-nodes") || _random.Chance(15))
            return;
        if (hasPolicy)
            members.Add(("host-nodes", "[0]"));
        else
            members.Add(("policy", _random.Pick(["\"preferred\"", "\"bind\"", "\"interleave\""])));
    }

    /// <summary>
    /// QEMU 11.1.3 ends when a file that it maps shared and read-only is to be populated, by object-add or by qom-set.
    /// </summary>
    private void KeepQemuAlive(string id, List<(string Name, string Value)> members)
    {
        if (!members.Contains(("readonly", "true")) || !members.Contains(("share", "true")))
            return;
        members.Remove(("prealloc", "true"));
        _readOnlyShared.Add(id);
    }

    private string Set()
    {
        var id = _random.Chance(40) ? "a" : _random.Pick(_tried.Keys.Order(StringComparer.Ordinal).ToList());
        var kind = _tried[id];
        var path = _random.Chance(15)
            ? Fill(_random.Pick(OddPaths), id)
            : _random.Chance(20) ? id : "/objects/" + id;
        if (_random.Chance(8))
            return Set(path, Fill(_random.Pick(OddProperties), id), _random.Pick(["true", "\"x\"", "4096", "null"]));
        var member = _random.Pick(kind.Members);
        if (member.Name == "prealloc" && _readOnlyShared.Count > 0)
            member = kind.Members.First(other => other.Name == "dump");
        return Set(path, member.Name, _random.Pick(_random.Chance(50) ? MemberValues.Odd(member) : MemberValues.Right(member)));
    }

    private static string Fill(string text, string id) => text.Replace("{0}", id, StringComparison.Ordinal);

    private static string Set(string path, string property, string value) =>
        Request("qom-set", [("path", MemberValues.Quote(path)), ("property", MemberValues.Quote(property)), ("value", value)]);

    private static string Request(string command, IEnumerable<(string Name, string Value)> arguments)
    {
        var members = string.Join(", ", arguments.Select(argument => $"\"{argument.Name}\": {argument.Value}"));
        return $$$"""{"execute": "{{{command}}}", "arguments": { {{{members}}} } }""";
    }
}
