using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>Visits one value of a known type: the element of a list, or the whole of a command's result.</summary>
public delegate void VisitElement<T>(Visitor v, ref T element);

/// <summary>
/// Walks a declared type. The public methods are what types call in <see cref="IQapiType.Visit"/>; the protected ones are what the
/// visitors (input, output, introspection, documentation, QOM properties) do with it. One owner, one walk.
/// </summary>
public abstract class Visitor
{
    /// <summary>The type takes members beyond the declared ones (QAPI's 'gen': false).</summary>
    /// <returns>true: <paramref name="raw"/> now holds all members, and declared ones need no visit.</returns>
    public virtual bool OpenMembers(ref JsonObject raw) => false;

    public void Required(
        string name, ref string value, string doc, Features features = Features.None, string? qomType = null, bool qomDescribed = true)
    {
        if (Begin(new(name, doc, false, features, qomType, qomDescribed), true))
            Text(ref value);
    }

    public void Required(string name, ref bool value, string doc, Features features = Features.None)
    {
        if (Begin(new(name, doc, false, features, null), true))
            Bool(ref value);
    }

    public void Required(string name, ref long value, string doc, Features features = Features.None)
    {
        if (Begin(new(name, doc, false, features, null), true))
            Signed(ref value);
    }

    public void Required(string name, ref ulong value, string doc, IntegerKind kind = IntegerKind.UInt64, Features features = Features.None)
    {
        if (Begin(new(name, doc, false, features, null), true))
            Unsigned(ref value, kind);
    }

    public void Required(string name, ref uint value, string doc, Features features = Features.None)
    {
        if (!Begin(new(name, doc, false, features, null), true))
            return;
        ulong wide = value;
        Unsigned(ref wide, IntegerKind.UInt32);
        value = checked((uint)wide);
    }

    public void Required(string name, ref JsonValue value, string doc, Features features = Features.None)
    {
        if (Begin(new(name, doc, false, features, null), true))
            Any(ref value);
    }

    public void Optional(string name, ref string? value, string doc, Features features = Features.None, string? qomType = null)
    {
        if (!Begin(new(name, doc, true, features, qomType), value is not null))
            return;
        var present = value ?? "";
        Text(ref present);
        value = present;
    }

    public void Optional(string name, ref bool? value, string doc, Features features = Features.None, bool qomDescribed = true)
    {
        if (!Begin(new(name, doc, true, features, null, qomDescribed), value.HasValue))
            return;
        var present = value.GetValueOrDefault();
        Bool(ref present);
        value = present;
    }

    public void Optional(string name, ref long? value, string doc, Features features = Features.None, bool qomDescribed = true)
    {
        if (!Begin(new(name, doc, true, features, null, qomDescribed), value.HasValue))
            return;
        var present = value.GetValueOrDefault();
        Signed(ref present);
        value = present;
    }

    public void Optional(
        string name, ref ulong? value, string doc, IntegerKind kind = IntegerKind.UInt64, Features features = Features.None, bool qomDescribed = true)
    {
        if (!Begin(new(name, doc, true, features, null, qomDescribed), value.HasValue))
            return;
        var present = value.GetValueOrDefault();
        Unsigned(ref present, kind);
        value = present;
    }

    public void Optional(string name, ref uint? value, string doc, Features features = Features.None)
    {
        if (!Begin(new(name, doc, true, features, null), value.HasValue))
            return;
        ulong present = value.GetValueOrDefault();
        Unsigned(ref present, IntegerKind.UInt32);
        value = checked((uint)present);
    }

    public void Optional(string name, ref JsonValue? value, string doc, Features features = Features.None)
    {
        if (!Begin(new(name, doc, true, features, null), value is not null))
            return;
        var present = value ?? JsonNull.Instance;
        Any(ref present);
        value = present;
    }

    public void Enum<T>(string name, ref T value, EnumTable<T> table, string doc, Features features = Features.None)
        where T : struct, Enum
    {
        if (Begin(new(name, doc, false, features, null), true))
            EnumElement(ref value, table);
    }

    public void OptionalEnum<T>(string name, ref T? value, EnumTable<T> table, string doc, Features features = Features.None)
        where T : struct, Enum
    {
        if (!Begin(new(name, doc, true, features, null), value.HasValue))
            return;
        var present = value ?? table.ValueAt(0);
        EnumElement(ref present, table);
        value = present;
    }

    public void Struct<T>(string name, ref T value, string doc, Features features = Features.None)
        where T : class, IQapiType, new()
    {
        if (Begin(new(name, doc, false, features, null), true))
            Struct(ref value);
    }

    public void OptionalStruct<T>(string name, ref T? value, string doc, Features features = Features.None)
        where T : class, IQapiType, new()
    {
        if (!Begin(new(name, doc, true, features, null), value is not null))
            return;
        var present = value ?? new T();
        Struct(ref present);
        value = present;
    }

    public void List<T>(string name, ref List<T> value, VisitElement<T> element, string doc, Features features = Features.None)
    {
        if (Begin(new(name, doc, false, features, null), true))
            List(ref value, element);
    }

    public void OptionalList<T>(
        string name, ref List<T>? value, VisitElement<T> element, string doc, Features features = Features.None, string? qomType = null,
        bool qomDescribed = true)
    {
        if (!Begin(new(name, doc, true, features, qomType, qomDescribed), value is not null))
            return;
        var present = value ?? [];
        List(ref present, element);
        value = present;
    }

    /// <summary>A union's branch: its members stand beside the common ones when the discriminator has this value.</summary>
    public abstract void Branch<T>(string discriminator, string caseName, bool taken, ref T branch)
        where T : class, IQapiType, new();

    /// <summary>A value of the discriminator that brings no members.</summary>
    public virtual void EmptyBranch(string discriminator, string caseName) { }

    public void EnumElement<T>(ref T value, EnumTable<T> table)
        where T : struct, Enum
    {
        var index = table.IndexOf(value);
        Enumeration(ref index, table);
        value = table.ValueAt(index);
    }

    public abstract void Text(ref string value);

    public abstract void Bool(ref bool value);

    public abstract void Signed(ref long value);

    public abstract void Unsigned(ref ulong value, IntegerKind kind);

    public abstract void Any(ref JsonValue value);

    public abstract void Struct<T>(ref T value)
        where T : class, IQapiType, new();

    public abstract void List<T>(ref List<T> value, VisitElement<T> element);

    /// <summary>A member of one of several types.</summary>
    public void Alternate(string name, ref JsonValue value, AlternateTable types, string doc)
    {
        if (Begin(new(name, doc, false, Features.None, null), true))
            Alternate(ref value, types);
    }

    /// <summary>As any value, unless the types are to be told.</summary>
    public virtual void Alternate(ref JsonValue value, AlternateTable types) => Any(ref value);

    /// <summary>A result that is the same every time, kept as text.</summary>
    /// <returns>true: written; the type behind it needs no visit.</returns>
    public virtual bool Cached(JsonRaw? text) => false;

    /// <param name="present">On output: whether an optional member is there.</param>
    /// <returns>Whether the member's value is to be visited now.</returns>
    protected abstract bool Begin(in Member member, bool present);

    protected abstract void Enumeration(ref int index, EnumTable table);
}
