namespace Hostmemd.Protocol.Schema;

/// <summary>An enumeration's values and their wire names, in schema order.</summary>
public abstract class EnumTable(string typeName, IReadOnlyList<(string Name, Features Features)> values)
{
    public string TypeName { get; } = typeName;

    public IReadOnlyList<(string Name, Features Features)> Values { get; } = values;

    /// <summary>The value's place, or -1.</summary>
    public int IndexOf(string name)
    {
        for (var i = 0; i < Values.Count; i++)
            if (Values[i].Name == name)
                return i;
        return -1;
    }
}

/// <summary>The same, with the C# enumeration it stands for.</summary>
public sealed class EnumTable<T>(string typeName, params (T Value, string Name, Features Features)[] values)
    : EnumTable(typeName, [.. values.Select(value => (value.Name, value.Features))])
    where T : struct, Enum
{
    public EnumTable(string typeName, params (T Value, string Name)[] values)
        : this(typeName, [.. values.Select(value => (value.Value, value.Name, Features.None))])
    {
    }

    public T ValueAt(int index) => values[index].Value;

    public int IndexOf(T value)
    {
        for (var i = 0; i < values.Length; i++)
            if (EqualityComparer<T>.Default.Equals(values[i].Value, value))
                return i;
        throw new ArgumentOutOfRangeException(nameof(value), value, $"no value of {TypeName}");
    }

    public string NameOf(T value) => values[IndexOf(value)].Name;
}
