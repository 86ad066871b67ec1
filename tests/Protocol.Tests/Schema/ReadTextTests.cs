using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Schema;

/// <summary>Arguments as key=value of the command line: what QEMU 11.1.3 takes and refuses at -object.</summary>
public class ReadTextTests
{
    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("64K", 65536)]
    [InlineData("64k", 65536)]
    [InlineData("1B", 1)]
    [InlineData("64M", 67108864)]
    [InlineData("1.5G", 1610612736)]
    [InlineData(".5M", 524288)]
    [InlineData("5.M", 5242880)]
    [InlineData("0.1M", 104858)]
    [InlineData("1.0000001M", 1048576)]
    [InlineData("1.999999999999999999M", 2097152)]
    [InlineData("0.0000001M", 0)]
    [InlineData("1048576.0", 1048576)]
    [InlineData("010", 10)]
    [InlineData("0x1000", 4096)]
    [InlineData("0X1000", 4096)]
    [InlineData("0x1b", 27)]
    [InlineData("0x1e", 30)]
    [InlineData("1T", 1099511627776)]
    [InlineData("1P", 1125899906842624)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    public void A_size_may_have_a_suffix_and_a_fraction_or_be_hexadecimal(string text, ulong size) =>
        Assert.Equal(size, Read(("name", "a"), ("size", text)).Size);

    [Theory]
    [InlineData("5", 5)]
    [InlineData("-5", -5)]
    [InlineData("0x10", 16)]
    [InlineData("-9223372036854775808", long.MinValue)]
    public void An_integer_may_be_negative_or_hexadecimal(string text, long offset) =>
        Assert.Equal(offset, Read(("name", "a"), ("size", "1"), ("offset", text)).Offset);

    [Theory]
    [InlineData("5x")]
    [InlineData("")]
    [InlineData("9223372036854775808")]
    public void Another_integer_is_refused(string text) => Assert.Equal(
        "Parameter 'offset' expects an int64 value",
        Assert.Throws<QmpException>(() => Read(("name", "a"), ("size", "1"), ("offset", text))).Message);

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("-1")]
    [InlineData("-1M")]
    [InlineData("-1.5M")]
    [InlineData("--1")]
    [InlineData("1.5")]
    [InlineData("1.5B")]
    [InlineData("64MB")]
    [InlineData("1 M")]
    [InlineData("4096 ")]
    [InlineData("1,5M")]
    [InlineData("1.5.5M")]
    [InlineData("1e3")]
    [InlineData("1.e1M")]
    [InlineData("0x")]
    [InlineData("0xM")]
    [InlineData("0x1000K")]
    [InlineData("0x1.8M")]
    [InlineData("16E")]
    [InlineData("17179869184G")]
    [InlineData("18446744073709551616")]
    [InlineData("inf")]
    [InlineData("nan")]
    public void Anything_else_is_no_size(string text) => Refuses("Parameter 'size' expects a size value", ("name", "a"), ("size", text));

    [Theory]
    [InlineData("on", true)]
    [InlineData("yes", true)]
    [InlineData("true", true)]
    [InlineData("y", true)]
    [InlineData("off", false)]
    [InlineData("no", false)]
    [InlineData("false", false)]
    [InlineData("n", false)]
    public void A_boolean_is_on_or_off(string text, bool value) => Assert.Equal(value, Read(("name", "a"), ("size", "1"), ("flag", text)).Flag);

    [Theory]
    [InlineData("flag", "On", "Parameter 'flag' expects 'on' or 'off'")]
    [InlineData("flag", "1", "Parameter 'flag' expects 'on' or 'off'")]
    [InlineData("flag", "", "Parameter 'flag' expects 'on' or 'off'")]
    [InlineData("threads", "-1", "Parameter 'threads' expects a uint64 value")]
    [InlineData("threads", "1.5", "Parameter 'threads' expects a uint64 value")]
    [InlineData("threads", "1K", "Parameter 'threads' expects a uint64 value")]
    [InlineData("threads", "x", "Parameter 'threads' expects a uint64 value")]
    [InlineData("threads", "18446744073709551616", "Parameter 'threads' expects a uint64 value")]
    [InlineData("threads", "4294967296", "Parameter 'threads' expects uint32_t")]
    [InlineData("colour", "blue", "Parameter 'colour' does not accept value 'blue'")]
    [InlineData("nodes", "a", "Parameter 'nodes' expects a uint64 value or range")]
    [InlineData("nodes", "", "Parameter 'nodes' expects a uint64 value or range")]
    [InlineData("nodes", "0-x", "Parameter 'nodes' expects a uint64 value or range")]
    [InlineData("nodes", "3-1", "Parameter 'nodes' expects a uint64 value or range")]
    [InlineData("nodes", "-1", "Parameter 'nodes' expects a uint64 value or range")]
    [InlineData("nodes", "1-2-3", "Parameter 'nodes' expects a uint64 value or range")]
    [InlineData("nodes", "0,x", "Parameter 'nodes' expects a uint64 value or range")]
    [InlineData("nodes", "0-70000", "Parameter 'nodes' expects a uint64 value or range")]
    [InlineData("nodes", "65536", "Parameter 'null' expects uint16_t")]
    [InlineData("zzz", "1", "Invalid parameter 'zzz'")]
    public void A_value_that_does_not_fit_is_named(string key, string value, string error) => Refuses(error, ("name", "a"), ("size", "1"), (key, value));

    [Theory]
    [InlineData("3", new ushort[] { 3 })]
    [InlineData("0-2", new ushort[] { 0, 1, 2 })]
    [InlineData("7,0-1,5-5", new ushort[] { 7, 0, 1, 5 })]
    public void A_list_is_numbers_and_ranges(string text, ushort[] nodes) => Assert.Equal(nodes, Read(("name", "a"), ("size", "1"), ("nodes", text)).Nodes);

    [Theory]
    [InlineData("0", 0)]
    [InlineData("0x2", 2)]
    [InlineData("4294967295", uint.MaxValue)]
    public void A_number_may_be_hexadecimal(string text, uint threads) => Assert.Equal(threads, Read(("name", "a"), ("size", "1"), ("threads", text)).Threads);

    [Theory]
    [InlineData("1", 1048576)]
    [InlineData("0x10", 16777216)]
    [InlineData("64K", 65536)]
    [InlineData("1.5M", 1572864)]
    public void A_size_without_suffix_counts_in_the_option_s_unit(string text, ulong size) => Assert.Equal(size, TextValues.Size("size", text, 1024 * 1024));

    [Theory]
    [InlineData("-1", "Value '-1' is out of range for parameter 'size'")]
    [InlineData("16E", "Value '16E' is out of range for parameter 'size'")]
    [InlineData("17592186044416", "Value '17592186044416' is out of range for parameter 'size'")]
    [InlineData("0x100000000000", "Value '0x100000000000' is out of range for parameter 'size'")]
    [InlineData("abc", "Parameter 'size' expects a non-negative number below 2^64")]
    [InlineData("0x10M", "Parameter 'size' expects a non-negative number below 2^64")]
    [InlineData("1.5", "Parameter 'size' expects a non-negative number below 2^64")]
    [InlineData("1.5B", "Parameter 'size' expects a non-negative number below 2^64")]
    public void An_option_s_size_is_refused_in_other_words(string text, string error) =>
        Assert.Equal(error, Assert.Throws<QmpException>(() => TextValues.Size("size", text, 1024 * 1024)).Message);

    private static Sample Read(params (string Key, string Value)[] pairs) =>
        InputVisitor.ReadText<Sample>(new JsonObject(pairs.Select(pair => KeyValuePair.Create<string, JsonValue>(pair.Key, new JsonString(pair.Value)))));

    private static void Refuses(string error, params (string Key, string Value)[] pairs) =>
        Assert.Equal(error, Assert.Throws<QmpException>(() => Read(pairs)).Message);
}
