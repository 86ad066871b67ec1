using System.Diagnostics;
using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>How large one value may be, and that what is beyond does no harm.</summary>
public class JsonLimitsTests
{
    private const int MaxTokens = 2 * 1024 * 1024;
    private const int MaxBytes = 64 * 1024 * 1024;

    [Fact]
    public void A_thousand_and_24_levels_are_taken()
    {
        var readings = Read(Repeat("[", 1024) + Repeat("]", 1024));
        Assert.IsType<JsonArray>(Assert.Single(readings).Value);
    }

    [Theory]
    [InlineData("[", "]", 1025)]
    [InlineData("[", "]", 100_000)]
    [InlineData("""{"a":""", "}", 1025)]
    [InlineData("""[{"a":""", "}]", 513)]
    public void Deeper_levels_make_one_error_and_the_next_value_is_read(string open, string close, int levels)
    {
        var readings = Read(Repeat(open, levels) + (open == "[" ? "" : "1") + Repeat(close, levels) + """{"id": 1}""");
        Assert.Equal(2, readings.Count);
        Assert.Equal("JSON nesting depth limit exceeded", readings[0].Error);
        Assert.Equal("""{"id": 1}""", readings[1].Value?.ToString());
    }

    [Fact]
    public void As_many_tokens_as_the_limit_are_taken()
    {
        // Two brackets, and each further element is a number and a comma.
        var readings = Read("[[]" + Repeat(",0", (MaxTokens - 4) / 2) + "]");
        Assert.Equal((MaxTokens - 4) / 2 + 1, Assert.IsType<JsonArray>(Assert.Single(readings).Value).Items.Count);
    }

    [Fact]
    public void More_tokens_make_one_error_and_the_next_value_is_read()
    {
        var readings = Read("[0" + Repeat(",0", MaxTokens / 2 - 1) + "]" + """{"id": 1}""");
        Assert.Equal(2, readings.Count);
        Assert.Equal("JSON token count limit exceeded", readings[0].Error);
        Assert.Equal("""{"id": 1}""", readings[1].Value?.ToString());
    }

    [Fact]
    public void A_string_of_just_under_64_MiB_is_taken()
    {
        // The quotes count too, and one byte must be left (seen in QEMU 11.1.3).
        var text = Assert.IsType<JsonString>(Assert.Single(ReadString(MaxBytes - 3)).Value);
        Assert.Equal(MaxBytes - 3, text.Value.Length);
        Assert.Equal(-1, text.Value.AsSpan().IndexOfAnyExcept('x'));
    }

    [Fact]
    public void A_longer_string_makes_one_error_and_the_next_value_is_read()
    {
        var readings = ReadString(MaxBytes - 2, """{"id": 1}""");
        Assert.Equal(2, readings.Count);
        Assert.Equal("JSON token size limit exceeded", readings[0].Error);
        Assert.Equal("""{"id": 1}""", readings[1].Value?.ToString());
    }

    [Fact]
    public void What_a_string_holds_beyond_the_limit_is_not_kept()
    {
        var lexer = new JsonLexer();
        var piece = Encoding.ASCII.GetBytes("\"" + Repeat("x", 1024 * 1024 - 1));
        for (var i = 0; i < 80; i++)
        {
            Assert.False(lexer.TryCut(piece, out _, out _));
            piece[0] = (byte)'x';
        }
        Assert.Equal(MaxBytes + 1, lexer.Unfinished);
    }

    [Theory]
    [InlineData("1e400")]
    [InlineData("-1e400")]
    [InlineData("1.5e99999999999")]
    public void A_number_beyond_a_double_is_refused_where_QEMU_echoes_inf(string number)
    {
        var readings = Read($$"""{"id": {{number}}, "a": [1]}{"id": 1}""");
        Assert.Equal(2, readings.Count);
        Assert.Equal($"1:8: JSON parse error, number '{number}' is out of range", readings[0].Error);
        Assert.Equal("""{"id": 1}""", readings[1].Value?.ToString());
    }

    [Fact]
    public void An_integer_of_400_digits_is_refused_too() =>
        Assert.Equal($"1:1: JSON parse error, number '{Repeat("9", 400)}' is out of range", Assert.Single(Read(Repeat("9", 400) + "\n")).Error);

    [Fact]
    public void An_object_of_many_members_costs_a_straight_line()
    {
        TimeToRead(10_000);
        // What else the machine does falls into one of three, not into all.
        var once = Enumerable.Range(0, 3).Min(_ => TimeToRead(100_000));
        var twice = Enumerable.Range(0, 3).Min(_ => TimeToRead(200_000));
        // Squared cost would be 4 times, and minutes instead of a tenth of a second.
        Assert.True(twice < 3 * once + TimeSpan.FromSeconds(1), $"{once} for 100,000 members, {twice} for 200,000");
    }

    [Fact]
    public void A_name_that_stands_twice_in_a_large_object_is_found()
    {
        var members = string.Join(',', Enumerable.Range(0, 1000).Select(i => $"\"{i}\":{i}"));
        var value = Assert.IsType<JsonObject>(Assert.Single(Read($"{{{members}}}")).Value);
        Assert.Equal("777", value["777"]?.ToString());
        Assert.Equal(777, value.IndexOf("777"));
        Assert.Null(value["1000"]);
        Assert.EndsWith("duplicate key", Read($"{{{members},\"777\":0}}")[0].Error, StringComparison.Ordinal);
    }

    private static TimeSpan TimeToRead(int members)
    {
        var bytes = Encoding.ASCII.GetBytes("{" + string.Join(',', Enumerable.Range(0, members).Select(i => $"\"member{i}\":{i}")) + "}");
        var started = Stopwatch.GetTimestamp();
        Assert.True(new JsonReader().TryRead(bytes, out _, out var reading));
        Assert.Equal(members, Assert.IsType<JsonObject>(reading.Value).Members.Count);
        return Stopwatch.GetElapsedTime(started);
    }

    private static List<JsonReading> ReadString(int length, string then = "")
    {
        var bytes = new byte[length + 2 + then.Length];
        bytes.AsSpan(0, length + 2).Fill((byte)'x');
        bytes[0] = bytes[length + 1] = (byte)'"';
        Encoding.ASCII.GetBytes(then, bytes.AsSpan(length + 2));
        return Read(bytes);
    }

    private static List<JsonReading> Read(string text) => Read(Encoding.ASCII.GetBytes(text));

    private static List<JsonReading> Read(ReadOnlySpan<byte> bytes)
    {
        // In pieces, as from a socket.
        var reader = new JsonReader();
        var readings = new List<JsonReading>();
        for (; bytes.Length > 0; bytes = bytes[Math.Min(bytes.Length, 65_521)..])
        {
            var piece = bytes[..Math.Min(bytes.Length, 65_521)];
            for (; reader.TryRead(piece, out var used, out var reading); piece = piece[used..])
                readings.Add(reading);
        }
        return readings;
    }

    private static string Repeat(string text, int count) => new StringBuilder(text.Length * count).Insert(0, text, count).ToString();
}
