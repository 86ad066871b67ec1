using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>
/// Fills a type from a JSON object and refuses what does not fit: members in declared order, strangers last, in the words of QEMU 11.1.3.
/// The only place that knows that wording.
/// </summary>
public sealed class InputVisitor : Visitor
{
    private sealed class Scope(JsonObject source, string path)
    {
        public JsonObject Source { get; } = source;

        public string Path { get; } = path;

        public bool[] Seen { get; } = new bool[source.Members.Count];
    }

    private Scope _scope;
    private JsonValue _value;
    private string _name = "";

    // In errors about a range or an enum's values QEMU names the member without its path, and the element of a list "null" (seen in 11.1.3).
    private string _plainName = "";

    private readonly bool _fromText;

    private InputVisitor(JsonObject source, bool fromText = false)
    {
        _value = source;
        _scope = new Scope(source, "");
        _fromText = fromText;
    }

    /// <exception cref="QmpException">The first thing that does not fit.</exception>
    public static T Read<T>(JsonObject source)
        where T : class, IQapiType, new()
    {
        var visitor = new InputVisitor(source);
        var result = new T();
        result.Visit(visitor);
        visitor.RefuseStrangers();
        return result;
    }

    /// <summary>Reads what came as key=value on the command line: all values are strings, and sizes may have suffixes.</summary>
    /// <exception cref="QmpException">The first thing that does not fit.</exception>
    public static T ReadText<T>(JsonObject source)
        where T : class, IQapiType, new()
    {
        var visitor = new InputVisitor(source, fromText: true);
        var result = new T();
        result.Visit(visitor);
        visitor.RefuseStrangers();
        return result;
    }

    /// <summary>Reads one value that stands alone under a name, as qom-set's.</summary>
    public static T ReadValue<T>(string name, JsonValue value, VisitElement<T> shape, T initial)
    {
        var visitor = new InputVisitor(new JsonObject()) { _value = value, _name = name, _plainName = name };
        shape(visitor, ref initial);
        return initial;
    }

    public override bool OpenMembers(ref JsonObject raw)
    {
        raw = _scope.Source;
        _scope.Seen.AsSpan().Fill(true);
        return true;
    }

    public override void Branch<T>(string discriminator, string caseName, bool taken, ref T branch)
    {
        if (!taken)
            return;
        branch = new T();
        branch.Visit(this);
    }

    public override void Text(ref string value) =>
        value = _value is JsonString text ? text.Value : throw ProtocolErrors.WrongType(_name, "string");

    public override void Bool(ref bool value)
    {
        if (_fromText && _value is JsonString text)
            value = TextValues.Bool(_name, text.Value);
        else
            value = _value is JsonBool boolean ? boolean.Value : throw ProtocolErrors.WrongType(_name, "boolean");
    }

    public override void Signed(ref long value)
    {
        if (_fromText && _value is JsonString text)
            value = TextValues.TrySigned(text.Value, out var parsed) ? parsed : throw ProtocolErrors.Expects(_name, "an int64 value");
        else
            value = _value is JsonNumber { Kind: JsonNumberKind.Int64 } number ? number.Int64 : throw ProtocolErrors.WrongType(_name, "integer");
    }

    public override void Unsigned(ref ulong value, IntegerKind kind)
    {
        if (_fromText && _value is JsonString text)
            value = UnsignedText(text.Value, kind);
        else if (_value is JsonNumber { Kind: not JsonNumberKind.Double } number)
            value = number.UInt64;
        else
            throw ProtocolErrors.Expects(_name, "uint64");
        var (max, type) = kind switch
        {
            IntegerKind.UInt16 => (ushort.MaxValue, "uint16_t"),
            IntegerKind.UInt32 => (uint.MaxValue, "uint32_t"),
            _ => (ulong.MaxValue, ""),
        };
        if (value > max)
            throw ProtocolErrors.Expects(_plainName, type);
    }

    public override void Any(ref JsonValue value) => value = _value;

    public override void Struct<T>(ref T value)
    {
        if (_value is not JsonObject source)
            throw ProtocolErrors.WrongType(_name, "object");
        var (outer, name) = (_scope, _name);
        _scope = new Scope(source, name + ".");
        value = new T();
        value.Visit(this);
        RefuseStrangers();
        (_scope, _name) = (outer, name);
    }

    public override void List<T>(ref List<T> value, VisitElement<T> element)
    {
        var array = _fromText && _value is JsonString text ? TextValues.List(_name, text.Value)
            : _value as JsonArray ?? throw ProtocolErrors.WrongType(_name, "array");
        var (name, plainName) = (_name, _plainName);
        value = new List<T>(array.Items.Count);
        for (var i = 0; i < array.Items.Count; i++)
        {
            (_value, _name, _plainName) = (array.Items[i], $"{name}[{i}]", "null");
            T item = default!;
            element(this, ref item);
            value.Add(item);
        }
        (_value, _name, _plainName) = (array, name, plainName);
    }

    protected override bool Begin(in Member member, bool present)
    {
        var at = _scope.Source.IndexOf(member.Name);
        if (at < 0)
            return member.Optional ? false : throw ProtocolErrors.Missing(_scope.Path + member.Name);
        _scope.Seen[at] = true;
        (_value, _name, _plainName) = (_scope.Source.Members[at].Value, _scope.Path + member.Name, member.Name);
        return true;
    }

    protected override void Enumeration(ref int index, EnumTable table)
    {
        var name = "";
        Text(ref name);
        index = table.IndexOf(name);
        if (index < 0)
            throw ProtocolErrors.ValueRefused(_plainName, name);
    }

    private ulong UnsignedText(string text, IntegerKind kind)
    {
        if (kind == IntegerKind.Size)
            return TextValues.TrySize(text, 1, out var size, out _) ? size : throw ProtocolErrors.Expects(_name, "a size value");
        return TextValues.TryUnsigned(text, out var value) ? value : throw ProtocolErrors.Expects(_name, "a uint64 value");
    }

    private void RefuseStrangers()
    {
        var stranger = Array.IndexOf(_scope.Seen, false);
        if (stranger >= 0)
        {
            var name = _scope.Path + _scope.Source.Members[stranger].Key;
            throw _fromText ? ProtocolErrors.Invalid(name) : ProtocolErrors.Unexpected(name);
        }
    }
}
