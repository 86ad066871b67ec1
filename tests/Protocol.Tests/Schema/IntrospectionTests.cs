using System.Buffers;
using System.Text;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Schema;

/// <summary>query-qmp-schema's answer and the reference manual, from a small table.</summary>
public class IntrospectionTests
{
    private static readonly IReadOnlyDictionary<string, JsonObject> Entities = MakeEntities();

    [Fact]
    public void A_command_names_its_types_its_features_and_whether_it_runs_out_of_band()
    {
        Assert.Equal(["hostmemd", "unstable"], Strings(Entities["draw"]["features"]));
        Assert.Null(Entities["draw"]["allow-oob"]);
        Assert.Equal("true", Entities["query-inners"]["allow-oob"]?.ToString());
        Assert.Null(Entities["query-inners"]["features"]);
        Assert.Equal("[]", Type(Entities["query-inners"], "arg-type")["members"]?.ToString());
        Assert.Equal("[]", Type(Entities["draw"], "ret-type")["members"]?.ToString());
    }

    [Fact]
    public void An_object_lists_its_members_and_which_of_them_are_optional()
    {
        var inner = Type(Type(Entities["query-inners"], "ret-type"), "element-type");
        Assert.Equal("\"object\"", inner["meta-type"]?.ToString());
        var members = Objects(inner["members"]);
        Assert.Equal(["state", "colour", "next"], members.Select(member => Text(member["name"])));
        Assert.Equal("bool", Text(members[0]["type"]));
        Assert.Null(members[0]["default"]);
        Assert.Same(JsonNull.Instance, members[2]["default"]);
        // A type that contains itself is described once.
        Assert.Equal(inner["name"]?.ToString(), members[2]["type"]?.ToString());
    }

    [Fact]
    public void A_union_names_its_tag_and_a_type_for_each_case()
    {
        var drawing = Type(Entities["draw"], "arg-type");
        Assert.Equal(["shape", "id"], Objects(drawing["members"]).Select(member => Text(member["name"])));
        Assert.Equal("shape", Text(drawing["tag"]));
        var variants = Objects(drawing["variants"]);
        Assert.Equal(["circle", "square", "point"], variants.Select(variant => Text(variant["case"])));
        Assert.Equal("radius", Text(Objects(Type(variants[0], "type")["members"])[0]["name"]));
        Assert.Equal("[]", Type(variants[2], "type")["members"]?.ToString());
    }

    [Fact]
    public void An_enumeration_lists_its_values_with_features_and_without()
    {
        var colour = Type(Objects(Type(Type(Entities["query-inners"], "ret-type"), "element-type")["members"])[1], "type");
        Assert.Equal("""[{"name": "red"}, {"name": "green", "features": ["unstable"]}]""", colour["members"]?.ToString());
        Assert.Equal("""["red", "green"]""", colour["values"]?.ToString());
    }

    [Fact]
    public void An_event_names_the_type_of_its_data()
    {
        // The event's data and the branch of the union are one type.
        Assert.Equal(Objects(Type(Entities["draw"], "arg-type")["variants"])[0]["type"]?.ToString(), Entities["DRAWN"]["arg-type"]?.ToString());
        Assert.Equal("[]", Type(Entities["RUBBED_OUT"], "arg-type")["members"]?.ToString());
        Assert.Equal(["hostmemd"], Strings(Entities["RUBBED_OUT"]["features"]));
    }

    [Fact]
    public void Integers_of_all_kinds_are_int_and_types_have_numbers_for_names()
    {
        Assert.Equal("""{"name": "int", "meta-type": "builtin", "json-type": "int"}""", Entities["int"].ToString());
        Assert.Equal("int", Text(Objects(Type(Entities["DRAWN"], "arg-type")["members"])[0]["type"]));
        Assert.Equal("[[0-9]]", System.Text.RegularExpressions.Regex.Replace(Text(Entities["query-inners"]["ret-type"]), "[0-9]+", "[0-9]"));
        Assert.DoesNotContain(Entities.Keys, name => name is "Drawing" or "Inner" or "Colour" or "Shape" or "Circle" or "Square");
    }

    [Fact]
    public void Every_type_that_is_named_is_there()
    {
        var named = Entities.Values.SelectMany(entity => new[] { entity["arg-type"], entity["ret-type"], entity["element-type"] }
            .Concat(Objects(entity["variants"]).Select(variant => variant["type"]))
            .Concat(Text(entity["meta-type"]) == "object" ? Objects(entity["members"]).Select(member => member["type"]) : []));
        Assert.All(named.Where(type => type is not null), type => Assert.Contains(Text(type), Entities.Keys));
    }

    [Fact]
    public void The_manual_tells_of_every_command_event_and_type()
    {
        var manual = ReferenceManual.Write("# Reference\n", SampleCommands.Commands, SampleCommands.Events, name => $"Seen: {name}.\n", Since);
        foreach (var text in new[]
        {
            "# Reference\n\n## Commands\n\n### draw\n\nDraws it.\n\n*since 1; feature `hostmemd`; feature `unstable`*\n",
            "| `shape` | [Shape](#shape) | yes | 1 | what it is |\n",
            "| with shape `circle` | [Circle](#circle) | | | its members stand beside these |\n",
            "Returns no members.\nSeen: draw.\n",
            "### query-inners\n\nTells of all.\n\n*since 1; may run out of band; allowed on a read-only socket*\n\nReturns list of [Inner](#inner).\n",
            "### DRAWN\n\nIt was drawn.\n\n*since 1*\n\n| Data | type | required | since | |\n|---|---|---|---|---|\n| `radius` | size | yes | 1 | in bytes |\n",
            "### RUBBED_OUT\n\nIt is gone.\n\n*since 1; feature `hostmemd`; only after event-subscribe*\n",
            "### Shape\n\n*since 1*\n\nOne of `circle`, `square`, `point` (since 2).\n",
            "### Colour\n\n*since 1*\n\nOne of `red`, `green` (unstable).\n",
            "### Inner\n\n*since 1*\n\n| Member | type | required | since | |\n",
            "| `next` | [Inner](#inner) | no | 2 | one more |\n",
            "### Square\n",
        })
            Assert.Contains(text, manual, StringComparison.Ordinal);
        Assert.DoesNotContain("### Empty", manual, StringComparison.Ordinal);
        Assert.DoesNotContain("### Drawing", manual, StringComparison.Ordinal);

        static string Since(string name) => name is "Inner.next" or "Shape.point" ? "2" : "1";
    }

    private static Dictionary<string, JsonObject> MakeEntities()
    {
        var buffer = new ArrayBufferWriter<byte>();
        var schema = IntrospectionVisitor.Schema(SampleCommands.Commands, SampleCommands.Events);
        Shapes.StructList(new OutputVisitor(new JsonWriter(buffer)), ref schema);
        return Objects(JsonText.Parse(Encoding.ASCII.GetString(buffer.WrittenSpan))).ToDictionary(entity => Text(entity["name"]));
    }

    private static JsonObject Type(JsonObject entity, string member) => Entities[Text(entity[member])];

    private static string Text(JsonValue? value) => Assert.IsType<JsonString>(value).Value;

    private static IEnumerable<string> Strings(JsonValue? value) => Assert.IsType<JsonArray>(value).Items.Select(Text);

    private static List<JsonObject> Objects(JsonValue? value) => value is null ? [] : [.. Assert.IsType<JsonArray>(value).Items.Cast<JsonObject>()];
}
