using System.Text.Json;

namespace Hostmemd.Daemon.Tests.Structure;

/// <summary>
/// Compares our schema with QEMU's by structure: type names are numbers that mean nothing. Ours may have less, and more where it is marked.
/// </summary>
internal sealed class SchemaComparison(JsonElement ours, JsonElement theirs)
{
    private readonly Dictionary<string, JsonElement> _ours = ByName(ours);
    private readonly Dictionary<string, JsonElement> _theirs = ByName(theirs);
    private readonly HashSet<(string, string)> _compared = [];
    private readonly List<string> _differences = [];

    /// <summary>What differs though it is neither missing nor marked as ours.</summary>
    public static IReadOnlyList<string> Differences(JsonElement ours, JsonElement theirs)
    {
        var comparison = new SchemaComparison(ours, theirs);
        foreach (var entity in comparison._ours.Values.Where(entity => Text(entity, "meta-type") is "command" or "event"))
            comparison.CompareEntity(entity);
        return comparison._differences;
    }

    public static bool IsMarked(JsonElement element) => Features(element).Any(feature => feature is "hostmemd" or "unstable");

    public static IEnumerable<string> Features(JsonElement element) =>
        element.TryGetProperty("features", out var features) ? features.EnumerateArray().Select(feature => feature.GetString()!) : [];

    private void CompareEntity(JsonElement mine)
    {
        var name = Text(mine, "name");
        if (!_theirs.TryGetValue(name, out var other))
        {
            Expect(Features(mine).Contains("hostmemd"), $"{name} is not QEMU's and not marked");
            return;
        }
        Expect(!Features(mine).Contains("hostmemd"), $"{name} is QEMU's, and marked as ours");
        Expect(Text(mine, "meta-type") == Text(other, "meta-type"), $"{name}: another meta-type");
        Expect(Features(mine).SequenceEqual(Features(other)), $"{name}: features {string.Join(",", Features(mine))}, not {string.Join(",", Features(other))}");
        Expect(IsTrue(mine, "allow-oob") == IsTrue(other, "allow-oob"), $"{name}: allow-oob differs");
        CompareType(Text(mine, "arg-type"), Text(other, "arg-type"), $"{name} takes");
        if (Text(mine, "meta-type") == "command")
            CompareType(Text(mine, "ret-type"), Text(other, "ret-type"), $"{name} returns");
    }

    private void CompareType(string mine, string other, string where)
    {
        if (!_compared.Add((mine, other)))
            return;
        var (a, b) = (_ours[mine], _theirs[other]);
        var kind = Text(a, "meta-type");
        if (kind != Text(b, "meta-type"))
        {
            _differences.Add($"{where}: {kind}, not {Text(b, "meta-type")}");
            return;
        }
        switch (kind)
        {
            case "builtin":
                Expect(Text(a, "json-type") == Text(b, "json-type"), $"{where}: {Text(a, "json-type")}, not {Text(b, "json-type")}");
                break;
            case "array":
                CompareType(Text(a, "element-type"), Text(b, "element-type"), $"{where} []");
                break;
            case "enum":
                CompareNames(a, b, "members", "name", where);
                break;
            case "object":
                CompareObject(a, b, where);
                break;
            case "alternate":
                CompareAlternate(a, b, where);
                break;
            default:
                _differences.Add($"{where}: {kind} is not compared");
                break;
        }
    }

    private void CompareAlternate(JsonElement mine, JsonElement other, string where)
    {
        var (ours, theirs) = (List(mine, "members").ToList(), List(other, "members").ToList());
        Expect(ours.Count == theirs.Count, $"{where}: {ours.Count} types, not {theirs.Count}");
        foreach (var (a, b) in ours.Zip(theirs))
            CompareType(Text(a, "type"), Text(b, "type"), $"{where} |");
    }

    private void CompareObject(JsonElement mine, JsonElement other, string where)
    {
        CompareNames(mine, other, "members", "name", where);
        Expect(Text(mine, "tag") == Text(other, "tag"), $"{where}: tag {Text(mine, "tag")}, not {Text(other, "tag")}");
        var theirMembers = List(other, "members").ToDictionary(member => Text(member, "name"));
        foreach (var member in List(mine, "members"))
        {
            if (!theirMembers.Remove(Text(member, "name"), out var known))
                continue;
            var place = $"{where} .{Text(member, "name")}";
            Expect(member.TryGetProperty("default", out _) == known.TryGetProperty("default", out _), $"{place}: optional in one of the two alone");
            Expect(Features(member).SequenceEqual(Features(known)), $"{place}: other features");
            CompareType(Text(member, "type"), Text(known, "type"), place);
        }
        // Clients rely on what is always there; what they may leave out we need not know.
        foreach (var (name, _) in theirMembers.Where(member => !member.Value.TryGetProperty("default", out _)))
            _differences.Add($"{where} .{name}: mandatory in QEMU, missing here");
        foreach (var variant in List(mine, "variants"))
        {
            var known = List(other, "variants").FirstOrDefault(candidate => Text(candidate, "case") == Text(variant, "case"));
            if (known.ValueKind == JsonValueKind.Object)
                CompareType(Text(variant, "type"), Text(known, "type"), $"{where} ({Text(variant, "case")})");
        }
    }

    /// <summary>What is in both must be in the same order; what is ours alone must be marked.</summary>
    private void CompareNames(JsonElement mine, JsonElement other, string list, string key, string where)
    {
        var theirNames = List(other, list).Select(member => Text(member, key)).ToList();
        var common = new List<string>();
        foreach (var member in List(mine, list))
        {
            if (theirNames.Contains(Text(member, key)))
                common.Add(Text(member, key));
            else
                Expect(IsMarked(member), $"{where}: '{Text(member, key)}' is not QEMU's and not marked");
        }
        Expect(common.SequenceEqual(theirNames.Where(common.Contains)), $"{where}: order {string.Join(",", common)}");
    }

    private void Expect(bool holds, string difference)
    {
        if (!holds)
            _differences.Add(difference);
    }

    private static JsonElement.ArrayEnumerator List(JsonElement entity, string member) =>
        entity.TryGetProperty(member, out var list) ? list.EnumerateArray() : default;

    private static bool IsTrue(JsonElement entity, string member) =>
        entity.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.True;

    private static string Text(JsonElement entity, string member) => entity.TryGetProperty(member, out var value) ? value.GetString() ?? "" : "";

    private static Dictionary<string, JsonElement> ByName(JsonElement schema) => schema.EnumerateArray().ToDictionary(entity => Text(entity, "name"));
}
