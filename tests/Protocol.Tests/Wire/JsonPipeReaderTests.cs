using System.IO.Pipelines;
using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>What has come behind the last whole value can be copied, for another reader to begin with, and reading goes on all the same.</summary>
public sealed class JsonPipeReaderTests
{
    private readonly Pipe _pipe = new();
    private readonly JsonPipeReader _reader;

    public JsonPipeReaderTests() => _reader = new JsonPipeReader(_pipe.Reader);

    [Theory]
    [InlineData("", "")]
    [InlineData("[1]", "")]
    [InlineData("[1]\r\n  ", "")]
    [InlineData("[1]\n{\"a\": [2, \"b", "{\"a\": [2, \"b")]
    [InlineData("{\"a\"", "{\"a\"")]
    [InlineData("\"text", "\"text")]
    public async Task What_is_unfinished_is_copied_as_it_came(string input, string unread)
    {
        await ReadAllAsync(input);
        Assert.True(_reader.TryCopyUnread(out var copied));
        Assert.Equal(unread, Encoding.UTF8.GetString(copied).Trim());
    }

    [Fact]
    public async Task Pieces_and_what_nobody_has_looked_at_yet_are_copied_in_order_and_read_afterwards()
    {
        await ReadAllAsync("{\"a\": ");
        await ReadAllAsync("[1, ");
        await WriteAsync("2]} [3]");
        for (var i = 0; i < 2; i++)
        {
            Assert.True(_reader.TryCopyUnread(out var copied));
            Assert.Equal("{\"a\": [1, 2]} [3]", Encoding.UTF8.GetString(copied));
        }
        Assert.Equal(2, Read());
    }

    [Fact]
    public async Task A_long_value_is_not_copied_until_it_is_whole()
    {
        await ReadAllAsync("[\"" + new string('x', 20_000));
        Assert.False(_reader.TryCopyUnread(out _));
        await ReadAllAsync("\"]");
        Assert.True(_reader.TryCopyUnread(out var copied));
        Assert.Empty(copied);
    }

    [Theory]
    [InlineData("{\"a\" 1, [", "]}")]
    [InlineData("[[] 7, {", "}]")]
    public async Task The_rest_of_a_bad_value_is_not_copied_as_another_one(string bad, string end)
    {
        Assert.Equal(1, await ReadAllAsync(bad));
        Assert.False(_reader.TryCopyUnread(out _));
        await ReadAllAsync("\"more\"");
        Assert.False(_reader.TryCopyUnread(out _));
        Assert.Equal(0, await ReadAllAsync(end + " "));
        Assert.True(_reader.TryCopyUnread(out var copied));
        Assert.Empty(copied);
    }

    private async Task WriteAsync(string text) => await _pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(text));

    /// <returns>How many values and errors there were.</returns>
    private async Task<int> ReadAllAsync(string text)
    {
        if (text.Length == 0)
            return 0;
        await WriteAsync(text);
        Assert.True(await _reader.FillAsync(default));
        return Read();
    }

    private int Read()
    {
        var count = 0;
        while (_reader.TryRead(out _))
            count++;
        return count;
    }
}
