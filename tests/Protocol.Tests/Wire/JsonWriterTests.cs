using System.Buffers;
using System.Globalization;
using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>The text of values, as QEMU 11.1.3 prints it.</summary>
public class JsonWriterTests
{
    [Theory]
    [InlineData("""{"a":1,"b":[],"c":{},"d":[1,[2],{"e":null}],"f":true,"g":false}""", """{"a": 1, "b": [], "c": {}, "d": [1, [2], {"e": null}], "f": true, "g": false}""")]
    [InlineData("'single'", "\"single\"")]
    [InlineData("{}", "{}")]
    public void Values_have_one_space_after_colons_and_commas_and_none_elsewhere(string given, string written) =>
        Assert.Equal(written, JsonText.Parse(given).ToString());

    [Theory]
    [InlineData("plain <>&'/+", "plain <>&'/+")]
    [InlineData("\"\\", """\"\\""")]
    [InlineData("\b\f\n\r\t", """\b\f\n\r\t""")]
    [InlineData("\0\u0001\u001f\u007f", """\u0000\u0001\u001F\u007F""")]
    [InlineData("é€\uFFFD", """\u00E9\u20AC\uFFFD""")]
    [InlineData("a😀b", """a\uD83D\uDE00b""")]
    [InlineData("~ !", "~ !")]
    public void Strings_are_ASCII_with_upper_case_escapes(string given, string written)
    {
        Assert.Equal($"\"{written}\"", JsonText.Of(new JsonString(given)));
        Assert.Equal($"\"{written}\"", JsonText.Quoted(given));
    }

    [Fact]
    public void Every_character_is_read_back_as_it_was_written()
    {
        var text = new StringBuilder();
        for (var codePoint = 0; codePoint <= 0x10FFFF; codePoint += codePoint < 0x3000 ? 1 : 97)
            if (codePoint is not (>= 0xD800 and <= 0xDFFF or >= 0xFDD0 and <= 0xFDEF) && (codePoint & 0xFFFE) != 0xFFFE)
                text.Append(char.ConvertFromUtf32(codePoint));
        var written = JsonText.Of(new JsonString(text.ToString()));
        Assert.True(Ascii.IsValid(written));
        Assert.Equal(text.ToString(), Assert.IsType<JsonString>(JsonText.Parse(written)).Value);
    }

    [Fact]
    public void A_string_longer_than_any_buffer_is_written_whole()
    {
        var text = new string('x', 1_000_000) + "\n" + new string('y', 300_000);
        Assert.Equal($"\"{new string('x', 1_000_000)}\\n{new string('y', 300_000)}\"", JsonText.Of(new JsonString(text)));
    }

    [Theory]
    [InlineData("\"", "\\\"")]
    [InlineData("😀", "\\uD83D\\uDE00")]
    public void What_is_escaped_may_stand_at_any_place_of_a_long_string(string given, string written)
    {
        for (var at = 1000; at < 1050; at++)
        {
            var (before, behind) = (new string('a', at), new string('b', 3000));
            Assert.Equal($"\"{before}{written}{behind}\"", JsonText.Of(new JsonString(before + given + behind)));
        }
    }

    [Fact]
    public void Integers_are_exact_at_their_limits()
    {
        Assert.Equal("-9223372036854775808", Written(writer => writer.Number(long.MinValue)));
        Assert.Equal("9223372036854775807", Written(writer => writer.Number(long.MaxValue)));
        Assert.Equal("9223372036854775808", Written(writer => writer.Number(9223372036854775808UL)));
        Assert.Equal("18446744073709551615", Written(writer => writer.Number(ulong.MaxValue)));
    }

    [Fact]
    public void Doubles_are_printed_as_C_prints_17_significant_digits()
    {
        // Made once with printf("%.17g") of glibc.
        foreach (var line in Corpus.Lines("doubles.txt"))
        {
            var bits = ulong.Parse(line.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            Assert.Equal(line[17..], JsonText.Of(JsonNumber.Of(BitConverter.UInt64BitsToDouble(bits))));
        }
    }

    [Theory]
    [InlineData(0UL, JsonNumberKind.Int64)]
    [InlineData(long.MaxValue, JsonNumberKind.Int64)]
    [InlineData(9223372036854775808UL, JsonNumberKind.UInt64)]
    public void An_integer_that_fits_an_int64_is_one(ulong value, JsonNumberKind kind)
    {
        Assert.Equal(kind, JsonNumber.Of(value).Kind);
        Assert.Equal(value, JsonNumber.Of(value).UInt64);
    }

    [Theory]
    [InlineData("{", "incomplete JSON value")]
    [InlineData("", "incomplete JSON value")]
    [InlineData("1 2", "more than one JSON value")]
    [InlineData("[1,]", "1:4: JSON parse error, expecting value")]
    public void A_text_that_is_not_one_value_is_refused(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => JsonText.Parse(text)).Message);

    [Fact]
    public void Text_that_is_JSON_already_takes_its_place_among_values()
    {
        Assert.Equal("""[1, {"a": 2}, 3]""", Written(writer =>
        {
            writer.BeginArray();
            writer.Number(1);
            writer.Raw("""{"a": 2}"""u8.ToArray());
            writer.Number(3);
            writer.EndArray();
        }));
    }

    private static string Written(Action<JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(new JsonWriter(buffer));
        return Encoding.ASCII.GetString(buffer.WrittenSpan);
    }
}
