using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>Tokens that are kept in several pieces come to what small ones come to.</summary>
public class LargeTokenTests
{
    private const int Pieces = 5000;

    /// <summary>More than a small token may have.</summary>
    private static readonly string Padding = new('p', 300_000);

    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("\uFFFD\U0001FFFD")]
    [InlineData("\\u0000\\t")]
    [InlineData("''")]
    public void A_string_is_the_same_in_many_pieces(string part)
    {
        var readings = Read($"\"{Padding}{part}{Padding}\"");
        var text = Assert.IsType<JsonString>(Assert.Single(readings).Value).Value;
        var small = Assert.IsType<JsonString>(Assert.Single(Read($"\"{part}\"")).Value).Value;
        Assert.Equal(Padding + small + Padding, text);
    }

    [Theory]
    [InlineData("\uFFFE", "1:1: JSON parse error, invalid UTF-8 sequence in string")]
    [InlineData("\uFDD0", "1:1: JSON parse error, invalid UTF-8 sequence in string")]
    [InlineData("\U0010FFFF", "1:1: JSON parse error, invalid UTF-8 sequence in string")]
    [InlineData("\\q", "1:1: JSON parse error, invalid escape sequence in string")]
    [InlineData("\\ud800", "1:1: JSON parse error, \\ud800 is not a valid Unicode character")]
    public void A_bad_string_is_refused_in_the_same_words(string part, string error)
    {
        Assert.Equal(error, Assert.Single(Read($"\"{part}\"")).Error);
        Assert.Equal(error, Assert.Single(Read($"\"{Padding}{part}{Padding}\"")).Error);
    }

    [Theory]
    [InlineData('9', "number '9999")] // far beyond a double
    [InlineData('t', "invalid keyword 'tttt")]
    public void An_error_shows_the_beginning_of_a_long_token(char c, string beginning)
    {
        var error = Assert.Single(Read(new string(c, 300_000) + " ")).Error!;
        Assert.InRange(error.Length, 60_000, 70_000);
        Assert.Contains(beginning, error, StringComparison.Ordinal);
        Assert.Contains("...'", error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_it_takes_is_known_while_it_is_unfinished()
    {
        var reader = new JsonReader();
        Assert.False(reader.TryRead(Encoding.ASCII.GetBytes("[\"" + Padding), out _, out _));
        Assert.InRange(reader.Held, Padding.Length, 2 * Padding.Length);
        Assert.True(reader.TryRead("\"]"u8, out _, out var reading));
        Assert.InRange(reading.Cost, Padding.Length, 2 * Padding.Length);
        Assert.Equal(0, reader.Held);
    }

    private static List<JsonReading> Read(string text)
    {
        var reader = new JsonReader();
        var readings = new List<JsonReading>();
        var bytes = Encoding.UTF8.GetBytes(text);
        foreach (var chunk in bytes.Chunk(Math.Max(1, bytes.Length / Pieces)))
            for (var rest = chunk.AsSpan(); reader.TryRead(rest, out var used, out var reading); rest = rest[used..])
                readings.Add(reading);
        return readings;
    }
}
