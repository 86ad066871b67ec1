using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Schema;

/// <summary>What arguments are refused, in which words, and which of several errors wins: as QEMU 11.1.3.</summary>
public class InputVisitorTests
{
    [Theory]
    [InlineData("""{}""", "Parameter 'name' is missing")]
    [InlineData("""{"name": "a"}""", "Parameter 'size' is missing")]
    [InlineData("""{"name": 1, "size": 1}""", "Invalid parameter type for 'name', expected: string")]
    [InlineData("""{"name": null, "size": 1}""", "Invalid parameter type for 'name', expected: string")]
    [InlineData("""{"name": "a", "size": "1M"}""", "Parameter 'size' expects uint64")]
    [InlineData("""{"name": "a", "size": 1.0}""", "Parameter 'size' expects uint64")]
    [InlineData("""{"name": "a", "size": 18446744073709551616}""", "Parameter 'size' expects uint64")]
    [InlineData("""{"name": "a", "size": 1, "flag": "on"}""", "Invalid parameter type for 'flag', expected: boolean")]
    [InlineData("""{"name": "a", "size": 1, "flag": 1}""", "Invalid parameter type for 'flag', expected: boolean")]
    [InlineData("""{"name": "a", "size": 1, "offset": "1"}""", "Invalid parameter type for 'offset', expected: integer")]
    [InlineData("""{"name": "a", "size": 1, "offset": 1.0}""", "Invalid parameter type for 'offset', expected: integer")]
    [InlineData("""{"name": "a", "size": 1, "offset": 9223372036854775808}""", "Invalid parameter type for 'offset', expected: integer")]
    [InlineData("""{"name": "a", "size": 1, "threads": 4294967296}""", "Parameter 'threads' expects uint32_t")]
    [InlineData("""{"name": "a", "size": 1, "threads": -1}""", "Parameter 'threads' expects uint32_t")]
    [InlineData("""{"name": "a", "size": 1, "threads": "1"}""", "Parameter 'threads' expects uint64")]
    [InlineData("""{"name": "a", "size": 1, "colour": "blue"}""", "Parameter 'colour' does not accept value 'blue'")]
    [InlineData("""{"name": "a", "size": 1, "colour": "Red"}""", "Parameter 'colour' does not accept value 'Red'")]
    [InlineData("""{"name": "a", "size": 1, "colour": 1}""", "Invalid parameter type for 'colour', expected: string")]
    [InlineData("""{"name": "a", "size": 1, "nodes": 0}""", "Invalid parameter type for 'nodes', expected: array")]
    [InlineData("""{"name": "a", "size": 1, "nodes": {}}""", "Invalid parameter type for 'nodes', expected: array")]
    [InlineData("""{"name": "a", "size": 1, "nodes": [0, "1"]}""", "Parameter 'nodes[1]' expects uint64")]
    [InlineData("""{"name": "a", "size": 1, "nodes": [65536]}""", "Parameter 'null' expects uint16_t")]
    [InlineData("""{"name": "a", "size": 1, "nodes": [0, -1]}""", "Parameter 'null' expects uint16_t")]
    [InlineData("""{"name": "a", "size": 1, "inner": 1}""", "Invalid parameter type for 'inner', expected: object")]
    [InlineData("""{"name": "a", "size": 1, "inner": []}""", "Invalid parameter type for 'inner', expected: object")]
    public void A_member_that_is_missing_or_does_not_fit_is_named(string arguments, string error) => Refuses<Sample>(arguments, error);

    [Theory]
    [InlineData("""{"inner": {}}""", "Parameter 'inner.state' is missing")]
    [InlineData("""{"inner": {"state": true}}""", "Parameter 'inner.colour' is missing")]
    [InlineData("""{"inner": {"state": 1, "colour": "red"}}""", "Invalid parameter type for 'inner.state', expected: boolean")]
    [InlineData("""{"inner": {"state": true, "colour": 1}}""", "Invalid parameter type for 'inner.colour', expected: string")]
    [InlineData("""{"inner": {"state": true, "colour": "blue"}}""", "Parameter 'colour' does not accept value 'blue'")]
    [InlineData("""{"inner": {"state": true, "colour": "red", "zzz": 1}}""", "Parameter 'inner.zzz' is unexpected")]
    [InlineData("""{"inner": {"state": true, "colour": "red", "next": {"state": 1}}}""", "Invalid parameter type for 'inner.next.state', expected: boolean")]
    [InlineData("""{"inners": [1]}""", "Invalid parameter type for 'inners[0]', expected: object")]
    [InlineData("""{"inners": [{}]}""", "Parameter 'inners[0].state' is missing")]
    [InlineData("""{"inners": [{"state": true, "colour": "red"}, {"zzz": 1}]}""", "Parameter 'inners[1].state' is missing")]
    [InlineData("""{"inners": [{"state": true, "colour": "red", "zzz": 1}]}""", "Parameter 'inners[0].zzz' is unexpected")]
    [InlineData("""{"inners": [{"state": true, "colour": "blue"}]}""", "Parameter 'colour' does not accept value 'blue'")]
    [InlineData("""{"inners": [{"state": true, "colour": "red"}], "zzz": 1}""", "Parameter 'zzz' is unexpected")]
    public void A_member_inside_is_named_with_its_path(string more, string error) =>
        Refuses<Sample>("""{"name": "a", "size": 1, """ + more[1..], error);

    [Theory]
    [InlineData("""{"zzz": 1, "size": "x"}""", "Parameter 'name' is missing")]
    [InlineData("""{"zzz": 1, "size": "x", "name": "a"}""", "Parameter 'size' expects uint64")]
    [InlineData("""{"flag": 1, "size": "x", "name": 1}""", "Invalid parameter type for 'name', expected: string")]
    [InlineData("""{"zzz": 1, "flag": 1, "size": 1, "name": "a"}""", "Invalid parameter type for 'flag', expected: boolean")]
    [InlineData("""{"size": 1, "zzz": 1, "name": "a", "yyy": 2}""", "Parameter 'zzz' is unexpected")]
    public void The_first_member_of_the_declaration_wins_and_strangers_come_last(string arguments, string error) => Refuses<Sample>(arguments, error);

    [Theory]
    [InlineData("""{"radius": 1}""", "Parameter 'shape' is missing")]
    [InlineData("""{"shape": "blob"}""", "Parameter 'shape' does not accept value 'blob'")]
    [InlineData("""{"shape": 1}""", "Invalid parameter type for 'shape', expected: string")]
    [InlineData("""{"shape": "circle", "zzz": 1}""", "Parameter 'id' is missing")]
    [InlineData("""{"shape": "circle", "id": "a", "zzz": 1}""", "Parameter 'radius' is missing")]
    [InlineData("""{"shape": "circle", "id": "a", "radius": 1, "side": 1}""", "Parameter 'side' is unexpected")]
    [InlineData("""{"shape": "square", "id": "a", "radius": 1}""", "Parameter 'radius' is unexpected")]
    [InlineData("""{"shape": "point", "id": "a", "side": 1}""", "Parameter 'side' is unexpected")]
    public void A_union_takes_the_members_of_its_branch(string arguments, string error) => Refuses<Drawing>(arguments, error);

    [Fact]
    public void What_fits_is_read()
    {
        var sample = Read<Sample>("""
            {"any": [1, {"a": null}], "inners": [], "inner": {"colour": "green", "state": true}, "nodes": [0, 65535], "colour": "green",
             "threads": 4294967295, "offset": -9223372036854775808, "flag": false, "size": 18446744073709551615, "name": "\u00e9"}
            """);
        Assert.Equal(("é", ulong.MaxValue, false, long.MinValue, uint.MaxValue), (sample.Name, sample.Size, sample.Flag, sample.Offset, sample.Threads));
        Assert.Equal(Colour.Green, sample.Colour);
        Assert.Equal([0, 65535], sample.Nodes);
        Assert.Equal((true, Colour.Green), (sample.Inner!.State, sample.Inner.Colour));
        Assert.Empty(sample.Inners!);
        Assert.Equal("""[1, {"a": null}]""", sample.Any?.ToString());
        Assert.Equal((Shape.Square, 5UL), (Read<Drawing>("""{"shape": "square", "id": "a", "side": 5}""") is var drawing ? drawing.Shape : default, drawing.Square.Side));
    }

    [Fact]
    public void What_is_not_given_stays_away()
    {
        var sample = Read<Sample>("""{"name": "", "size": 0}""");
        Assert.Equal((null, null, null, null), (sample.Flag, sample.Offset, sample.Threads, sample.Colour));
        Assert.Equal((null, null, null, null), (sample.Nodes, sample.Inner, sample.Inners, sample.Any));
    }

    [Fact]
    public void A_negative_size_is_taken_modulo_2_to_the_64() =>
        Assert.Equal(ulong.MaxValue - 4095, Read<Sample>("""{"name": "a", "size": -4096}""").Size);

    [Fact]
    public void A_value_that_stands_alone_is_read_under_its_name()
    {
        Assert.Equal([1, 2], InputVisitor.ReadValue("nodes", JsonText.Parse("[1, 2]"), (Visitor v, ref List<ushort> nodes) => v.List(ref nodes, Shapes.UInt16), []));
        Assert.Equal(
            "Invalid parameter type for 'flag', expected: boolean",
            Assert.Throws<QmpException>(() => InputVisitor.ReadValue("flag", JsonText.Parse("1"), Shapes.Bool, false)).Message);
        Assert.Equal(
            "Parameter 'threads' expects uint32_t",
            Assert.Throws<QmpException>(() => InputVisitor.ReadValue("threads", JsonText.Parse("-1"), Shapes.UInt32, 0U)).Message);
    }

    private static T Read<T>(string arguments)
        where T : class, IQapiType, new()
        => InputVisitor.Read<T>((JsonObject)JsonText.Parse(arguments));

    private static void Refuses<T>(string arguments, string error)
        where T : class, IQapiType, new()
    {
        var exception = Assert.Throws<QmpException>(() => Read<T>(arguments));
        Assert.Equal((QmpErrorClass.GenericError, error), (exception.ErrorClass, exception.Message));
    }
}
