using System.Buffers;
using System.Text;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Schema;

/// <summary>Types as JSON text.</summary>
public class OutputVisitorTests
{
    [Fact]
    public void Members_are_written_in_declared_order_and_absent_ones_left_out() =>
        Assert.Equal("""{"name": "\u00E9", "size": 18446744073709551615}""", OutputVisitor.ToObject(new Sample { Name = "é", Size = ulong.MaxValue }).ToString());

    [Fact]
    public void Every_kind_of_member_is_written()
    {
        var sample = new Sample
        {
            Name = "a",
            Size = 1,
            Flag = false,
            Offset = long.MinValue,
            Threads = uint.MaxValue,
            Colour = Colour.Green,
            Nodes = [0, 65535],
            Inner = new Inner { State = true, Next = new Inner { Colour = Colour.Green } },
            Inners = [],
            Any = JsonText.Parse("""[null, 0.1, {"x": []}]"""),
        };
        Assert.Equal(
            JsonText.Parse("""
                {"name": "a", "size": 1, "flag": false, "offset": -9223372036854775808, "threads": 4294967295, "colour": "green",
                 "nodes": [0, 65535], "inner": {"state": true, "colour": "red", "next": {"state": false, "colour": "green"}}, "inners": [],
                 "any": [null, 0.1, {"x": []}]}
                """).ToString(),
            OutputVisitor.ToObject(sample).ToString());
    }

    [Fact]
    public void What_was_written_is_read_as_the_same()
    {
        const string Text = """{"shape": "circle", "id": "a", "radius": 5}""";
        var drawing = InputVisitor.Read<Drawing>((JsonObject)JsonText.Parse(Text));
        Assert.Equal(Text, OutputVisitor.ToObject(drawing).ToString());
    }

    [Fact]
    public void Of_a_union_only_the_taken_branch_is_written()
    {
        Assert.Equal("""{"shape": "square", "id": "a", "side": 2}""", OutputVisitor.ToObject(new Drawing
        {
            Shape = Shape.Square,
            Id = "a",
            Circle = new Circle { Radius = 1 },
            Square = new Square { Side = 2 },
        }).ToString());
        Assert.Equal("""{"shape": "point", "id": "a"}""", OutputVisitor.ToObject(new Drawing { Shape = Shape.Point, Id = "a" }).ToString());
    }

    [Fact]
    public void A_list_that_is_kept_as_text_is_written_as_it_stands()
    {
        var buffer = new ArrayBufferWriter<byte>();
        JsonRaw? kept = new("""[{"radius": 1}]"""u8.ToArray());
        Shapes.CachedList<Circle>(new OutputVisitor(new JsonWriter(buffer)), ref kept);
        Assert.Equal("""[{"radius": 1}]""", Encoding.ASCII.GetString(buffer.WrittenSpan));
    }
}
