using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>Lists, whose items take names from one another.</summary>
public sealed class ListTests
{
    [Theory]
    [InlineData("""[{"a": 1, "b": 2}, {"a": 3, "b": 4}, {"a": 5, "b": 6}]""")]
    [InlineData("""[{"a": 1, "b": 2}, {"b": 3, "a": 4}, {"a": 5}, {"a": 6, "c": 7, "b": 8}, {}, {"a": 9}]""")]
    [InlineData("""[{"a": {"x": [{"p": 1}, {"q": 2}]}}, {"a": {"x": [{"p": 3, "q": 4}], "y": 5}}, {"a": [{"x": 6}]}, {"a": 7}, [{"a": 8}], {"a": 9}]""")]
    [InlineData("""[[{"a": 1}], [{"a": 2}, {"b": 3}], [], [[{"a": 4}]], "a", [{"a": null}]]""")]
    [InlineData("""[{"ab": 1}, {"abc": 2}, {"a": 3}, {"": 4}, {"\u00E9": 5}, {"\u00E9": 6}, {"a\"b": 7}, {"a\"b": 8}]""")]
    public void An_item_is_what_it_is_whatever_came_before_it(string text) => Assert.Equal(text, JsonText.Of(JsonText.Parse(text)));

    [Theory]
    [InlineData("""[{"a": 1, "b": 2}, {"a": 3, "a": 4}]""")]
    [InlineData("""[{"a": 1, "b": 2}, {"b": 3, "b": 4}]""")]
    public void A_name_that_stands_twice_is_refused_in_any_item(string text) =>
        Assert.Contains("duplicate key", Assert.Throws<FormatException>(() => JsonText.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_name_that_the_item_before_has_at_its_place_is_kept_once()
    {
        var list = Assert.IsType<JsonArray>(JsonText.Parse("""[{"memdev": 1, "pages": [{"page-size": 2}]}, {"memdev": 3, "pages": [{"page-size": 4}]}]"""));
        var (first, second) = (Assert.IsType<JsonObject>(list.Items[0]), Assert.IsType<JsonObject>(list.Items[1]));

        Assert.Same(first.Members[0].Key, second.Members[0].Key);
        Assert.Same(Inner(first).Members[0].Key, Inner(second).Members[0].Key);

        static JsonObject Inner(JsonObject item) => Assert.IsType<JsonObject>(Assert.IsType<JsonArray>(item["pages"]).Items[0]);
    }
}
