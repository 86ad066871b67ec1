using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>The types that members, list elements and results can have, as <see cref="VisitElement{T}"/>.</summary>
public static class Shapes
{
    public static void Text(Visitor v, ref string element) => v.Text(ref element);

    public static void Bool(Visitor v, ref bool element) => v.Bool(ref element);

    public static void Any(Visitor v, ref JsonValue element) => v.Any(ref element);

    public static void Size(Visitor v, ref ulong element) => v.Unsigned(ref element, IntegerKind.Size);

    public static void UInt32(Visitor v, ref uint element)
    {
        ulong wide = element;
        v.Unsigned(ref wide, IntegerKind.UInt32);
        element = checked((uint)wide);
    }

    public static void Int64(Visitor v, ref long element) => v.Signed(ref element);

    public static void UInt16(Visitor v, ref ushort element)
    {
        ulong wide = element;
        v.Unsigned(ref wide, IntegerKind.UInt16);
        element = checked((ushort)wide);
    }

    public static void Struct<T>(Visitor v, ref T element)
        where T : class, IQapiType, new()
        => v.Struct(ref element);

    public static void StructList<T>(Visitor v, ref List<T> element)
        where T : class, IQapiType, new()
        => v.List(ref element, Struct);

    /// <summary>A list that is the same every time: described by its type, written from kept text.</summary>
    public static void CachedList<T>(Visitor v, ref JsonRaw? element)
        where T : class, IQapiType, new()
    {
        if (v.Cached(element))
            return;
        List<T> described = [];
        v.List(ref described, Struct);
    }

    public static VisitElement<T> Enum<T>(EnumTable<T> table)
        where T : struct, Enum
        => (Visitor v, ref T element) => v.EnumElement(ref element, table);
}
