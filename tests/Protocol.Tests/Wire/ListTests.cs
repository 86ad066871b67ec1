using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>Lists, whose items take names from one another.</summary>
public sealed class ListTests
{
    [Theory]
    [InlineData("""[{"a": 1, "b": 2}, {"a": 3, "b": 4}, {"a": 5, "b": 6}]""")]
    [InlineData("""[{"a": 1, "b": 2}, {"b": 3, "a": 4}, {"a": 5}, {"a": 6, "c": 7, "b": 8}, {}, {"a": 9}]""")]
    [InlineData("""[{"a": {"x": [{"p": 1}, {"q": 2}]}}, {"a": {"x": [{"p": 3, "q": 4}], "y": 5}}, {"a": [{"x": 6}]}, {"a": 7}, [{"a": 8}], {"a": 9}]""")]
    [InlineData("""[{"a": "x", "b": ["y", "z"]}, {"a": "x", "b": ["y"]}, {"a": "xx", "b": ["y", "z", "z"]}, {"a": ["x"], "b": "y"}, {"a": "\\n"}, {"a": "\\n"}, {"a": "n"}]""")]
    [InlineData("""["a", "a", "b", ["a", "b"], ["a", "c"], "c", {"a": "a"}, {"a": "b"}, {"b": "b"}]""")]
    [InlineData("""[[{"a": 1}], [{"a": 2}, {"b": 3}], [], [[{"a": 4}]], "a", [{"a": null}]]""")]
    [InlineData("""[{"ab": 1}, {"abc": 2}, {"a": 3}, {"": 4}, {"\u00E9": 5}, {"\u00E9": 6}, {"a\"b": 7}, {"a\"b": 8}]""")]
    public void An_item_is_what_it_is_whatever_came_before_it(string text) => Assert.Equal(text, JsonText.Of(JsonText.Parse(text)));

    [Theory]
    [InlineData("""[{"a": 1, "b": 2}, {"a": 3, "a": 4}]""")]
    [InlineData("""[{"a": 1, "b": 2}, {"b": 3, "b": 4}]""")]
    public void A_name_that_stands_twice_is_refused_in_any_item(string text) =>
        Assert.Contains("duplicate key", Assert.Throws<FormatException>(() => JsonText.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void What_the_item_before_has_at_its_place_is_kept_once()
    {
        var list = Assert.IsType<JsonArray>(JsonText.Parse("""
            [{"memdev": "a", "ways": [{"method": "path"}, {"method": "cpr", "usable": 1}]},
             {"memdev": "b", "ways": [{"method": "path"}, {"method": "cpr", "usable": 2}]}]
            """));
        var (first, second) = (Assert.IsType<JsonObject>(list.Items[0]), Assert.IsType<JsonObject>(list.Items[1]));

        Assert.Same(first.Members[0].Key, second.Members[0].Key);
        for (var way = 0; way < 2; way++)
        {
            Assert.Same(Way(first, way)["method"], Way(second, way)["method"]);
            foreach (var (one, other) in Way(first, way).Members.Zip(Way(second, way).Members))
                Assert.Same(one.Key, other.Key);
        }

        static JsonObject Way(JsonObject item, int way) => Assert.IsType<JsonObject>(Assert.IsType<JsonArray>(item["ways"]).Items[way]);
    }
}
