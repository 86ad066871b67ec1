using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>Every byte and character at every place of a vector and behind it.</summary>
public sealed class PlainTextTests
{
    private const int Longest = 50;

    [Theory]
    [InlineData('"', 0xFD)]
    [InlineData('\'', 0xFD)]
    [InlineData('"', '~')]
    public void The_first_byte_that_is_not_plain_is_found(char quote, int last)
    {
        for (var value = 0; value <= byte.MaxValue; value++)
            for (var at = 0; at < Longest; at++)
            {
                var text = Enumerable.Repeat((byte)'a', Longest).ToArray();
                text[at] = (byte)value;
                var isStop = value == quote || value == '\\' || value < 0x20 || value > last;

                Assert.Equal(isStop ? at : -1, PlainText.IndexOfStop(text, (byte)quote, (byte)last));
                Assert.Equal(isStop ? at : -1, PlainText.IndexOfStop(text.AsSpan(0, at + 1), (byte)quote, (byte)last));
            }
    }

    [Fact]
    public void Text_is_copied_up_to_the_first_character_to_escape()
    {
        for (var value = 0; value <= char.MaxValue; value += value < 0x100 ? 1 : 0x7F)
            for (var at = 0; at < Longest; at++)
            {
                var text = new string('a', at) + (char)value + new string('b', Longest - at);
                var isEscaped = (char)value is '"' or '\\' or < ' ' or > '~';

                var plain = isEscaped ? at : text.Length;
                var copy = new byte[text.Length];

                Assert.Equal(plain, PlainText.Copy(text, copy));
                Assert.Equal(Encoding.Latin1.GetBytes(text[..plain]), copy[..plain]);
                Assert.Equal(isEscaped, PlainText.IsEscaped((char)value));
            }
    }
}
