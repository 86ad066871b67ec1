using System.Text;

namespace Hostmemd.Conformance.Transcript;

public sealed class JsonMatcherTests
{
    [Theory]
    [InlineData("""{"a": 1, "b": [true, null]}""", """{"b": [true, null], "a": 1}""")]
    [InlineData("18446744073709551615", "18446744073709551615")]
    [InlineData("1", "1.0")]
    [InlineData("100", "1e2")]
    [InlineData("\"é\"", "\"\\u00e9\"")]
    [InlineData("\"$any\"", "null")]
    [InlineData("\"$int\"", "18446744073709551615")]
    [InlineData("\"$str\"", "\"\"")]
    [InlineData("\"$timestamp\"", """{"seconds": 1, "microseconds": 2}""")]
    [InlineData("""{"$unordered": [1, 2, 2]}""", "[2, 1, 2]")]
    [InlineData("""{"$list-with": [3, "$str"]}""", """["x", 1, 3]""")]
    [InlineData("""{"$list-of": "$int"}""", "[]")]
    [InlineData("""{"$list-of": {"a": "$int"}}""", """[{"a": 1}, {"a": 2}]""")]
    [InlineData("""{"$object-with": {"a": "$int"}}""", """{"a": 1, "b": 2}""")]
    [InlineData("""{"$all": [{"$object-with": {"a": 1}}, {"$object-with": {"b": 2}}]}""", """{"a": 1, "b": 2}""")]
    public void Matches(string expected, string got) => Assert.Null(Difference(expected, got));

    [Theory]
    [InlineData("18446744073709551615", "18446744073709551614", "at top: expected 18446744073709551615, got 18446744073709551614")]
    [InlineData("1", "true", "at top: expected 1, got true")]
    [InlineData("false", "0", "at top: expected false, got 0")]
    [InlineData("null", "{}", "at top: expected null, got {}")]
    [InlineData("""{"a": [1, {"b": 2}]}""", """{"a": [1, {"b": 3}]}""", "at .a[1].b: expected 2, got 3")]
    [InlineData("""{"a": 1, "b": 1}""", """{"b": 1, "c": 1}""", "at top: missing member(s) a; unexpected member(s) c")]
    [InlineData("[1, 2]", "[2, 1]", "at [0]: expected 1, got 2")]
    [InlineData("[1]", "[1, 2]", "at top: expected 1 array elements, got 2")]
    [InlineData("\"$int\"", "1.5", "at top: expected an integer, got 1.5")]
    [InlineData("\"$int\"", "true", "at top: expected an integer, got true")]
    [InlineData("\"$str\"", "1", "at top: expected a string, got 1")]
    [InlineData("\"$timestamp\"", """{"seconds": 1}""", """at top: expected a timestamp, got {"seconds": 1}""")]
    [InlineData("""{"$unordered": [1]}""", "[1, 2]", "at top: unexpected array element(s) [2]")]
    [InlineData("""{"$unordered": [1, 1]}""", "[1, 2]", "at top: no array element matches 1 in [1, 2]")]
    [InlineData("""{"$list-with": [3]}""", "[1, 2]", "at top: no array element matches 3 in [1, 2]")]
    [InlineData("""{"$list-of": "$int"}""", "[1, \"x\"]", "at [1]: expected an integer, got \"x\"")]
    [InlineData("""{"$list-of": "$int"}""", "{}", "at top: expected an array, got {}")]
    [InlineData("""{"$object-with": {"a": 1}}""", """{"b": 1}""", """at top: member 'a' is missing in {"b": 1}""")]
    [InlineData("""{"$all": ["$any", "$int"]}""", "\"x\"", "at top: expected an integer, got \"x\"")]
    public void Differs(string expected, string got, string difference) => Assert.Equal(difference, Difference(expected, got));

    [Fact]
    public void Values_as_deep_as_the_protocol_allows_are_compared()
    {
        string deep = new string('[', 1025) + new string(']', 1025);

        Assert.Null(Difference(deep, deep));
    }

    private static string? Difference(string expected, string got) => JsonMatcher.Difference(Parse(expected), Parse(got));

    private static System.Text.Json.JsonElement Parse(string json) => JsonText.Parse(Encoding.UTF8.GetBytes(json));
}
