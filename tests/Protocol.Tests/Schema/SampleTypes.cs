using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Schema;

internal enum Colour
{
    Red,
    Green,
}

internal enum Shape
{
    Circle,
    Square,
    Point,
}

/// <summary>Every kind of member once.</summary>
internal sealed class Sample : IQapiType
{
    internal static readonly EnumTable<Colour> Colours = new(
        "Colour", (Schema.Colour.Red, "red", Features.None), (Schema.Colour.Green, "green", Features.Unstable));

    internal string Name = "";
    internal ulong Size;
    internal bool? Flag;
    internal long? Offset;
    internal uint? Threads;
    internal Colour? Colour;
    internal List<ushort>? Nodes;
    internal Inner? Inner;
    internal List<Inner>? Inners;
    internal JsonValue? Any;

    public static string TypeName => "Sample";

    public void Visit(Visitor v)
    {
        v.Required("name", ref Name, "its name");
        v.Required("size", ref Size, "bytes", IntegerKind.Size);
        v.Optional("flag", ref Flag, "yes or no", Features.Deprecated);
        v.Optional("offset", ref Offset, "where");
        v.Optional("threads", ref Threads, "how many");
        v.OptionalEnum("colour", ref Colour, Colours, "which");
        v.OptionalList("nodes", ref Nodes, Shapes.UInt16, "from where", qomType: "int");
        v.OptionalStruct("inner", ref Inner, "inside");
        v.OptionalList("inners", ref Inners, Shapes.Struct, "more inside");
        v.Optional("any", ref Any, "anything", Features.Hostmemd | Features.Unstable);
    }
}

internal sealed class Inner : IQapiType
{
    internal bool State;
    internal Colour Colour;
    internal Inner? Next;

    public static string TypeName => "Inner";

    public void Visit(Visitor v)
    {
        v.Required("state", ref State, "on or off");
        v.Enum("colour", ref Colour, Sample.Colours, "which");
        v.OptionalStruct("next", ref Next, "one more");
    }
}

/// <summary>A union.</summary>
internal sealed class Drawing : IQapiType
{
    internal static readonly EnumTable<Shape> Shapes = new("Shape", (Shape.Circle, "circle"), (Shape.Square, "square"), (Shape.Point, "point"));

    internal string Id = "";
    internal Shape Shape;
    internal Circle Circle = new();
    internal Square Square = new();

    public static string TypeName => "Drawing";

    public void Visit(Visitor v)
    {
        v.Enum("shape", ref Shape, Shapes, "what it is");
        v.Required("id", ref Id, "its id");
        v.Branch("shape", "circle", Shape == Shape.Circle, ref Circle);
        v.Branch("shape", "square", Shape == Shape.Square, ref Square);
        v.EmptyBranch("shape", "point");
    }
}

internal sealed class Circle : IQapiType
{
    internal ulong Radius;

    public static string TypeName => "Circle";

    public void Visit(Visitor v) => v.Required("radius", ref Radius, "in bytes", IntegerKind.Size);
}

internal sealed class Square : IQapiType
{
    internal ulong? Side;

    public static string TypeName => "Square";

    public void Visit(Visitor v) => v.Optional("side", ref Side, "in bytes", IntegerKind.UInt64);
}
