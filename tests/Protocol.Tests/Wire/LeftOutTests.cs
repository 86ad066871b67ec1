using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>Members that are not wanted, at any split of the input.</summary>
public sealed class LeftOutTests
{
    [Theory]
    [InlineData("""{"a": 1, "x": [], "b": 2}""", """{"a": 1, "b": 2}""")]
    [InlineData("""{"x": {"x": {"y": [[], {}]}}}""", """{}""")]
    [InlineData("""{"x": ["]", "\"]}", "\\", '"', "\\\"["], "b": [{"x": [1]}, {"c": 3, "x": {}}]}""", """{"b": [{}, {"c": 3}]}""")]
    [InlineData("""{"x": "text", "b": {"x": 5}, "c": ["x", ["x"]]}""", """{"x": "text", "b": {"x": 5}, "c": ["x", ["x"]]}""")]
    [InlineData("""{"y": ["x", {"xx": [1]}], "x": [{"a": [1, 2]}, 'q']}""", """{"y": ["x", {"xx": [1]}]}""")]
    [InlineData("""[[1], {"x": [2]}]""", """[[1], {}]""")]
    public void They_cost_nothing_and_all_else_is_there(string text, string wanted)
    {
        var bytes = Encoding.UTF8.GetBytes(text + "\n" + """{"behind": [1]}""" + "\n");
        for (var split = 0; split <= bytes.Length; split++)
        {
            var reader = new JsonReader { Without = "x" };
            List<string> read = [.. Read(reader, bytes.AsSpan(0, split)), .. Read(reader, bytes.AsSpan(split))];
            Assert.Equal([wanted, """{"behind": [1]}"""], read);
            Assert.True(reader.IsBetweenValues);
        }
        Assert.Equal([wanted, """{"behind": [1]}"""], ByteByByte(new JsonReader { Without = "x" }, bytes));
    }

    [Fact]
    public void An_error_behind_one_is_told_at_its_place()
    {
        Assert.Equal("1:28: JSON parse error, stray '@'", ErrorIn("""{"x": [1, "\"]", {}], "y@" @ }""", without: null));
        Assert.Equal("1:28: JSON parse error, stray '@'", ErrorIn("""{"x": [1, "\"]", {}], "y@" @ }""", without: "x"));
    }

    private static string? ErrorIn(string text, string? without)
    {
        Assert.True(new JsonReader { Without = without }.TryRead(Encoding.UTF8.GetBytes(text), out _, out var reading));
        return reading.Error;
    }

    private static List<string> ByteByByte(JsonReader reader, byte[] bytes) => [.. bytes.SelectMany(value => Read(reader, [value]))];

    private static List<string> Read(JsonReader reader, ReadOnlySpan<byte> input)
    {
        var read = new List<string>();
        while (reader.TryRead(input, out var used, out var reading))
        {
            read.Add(reading.Error ?? reading.Value!.ToString()!);
            input = input[used..];
        }
        return read;
    }
}
