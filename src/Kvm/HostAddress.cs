namespace Hostmemd.Kvm;

/// <summary>A virtual address of this process (hva). Not a number, so that it cannot be taken for a guest address.</summary>
/// <param name="Value">The address in bytes.</param>
public readonly record struct HostAddress(ulong Value) : IComparable<HostAddress>
{
    /// <summary>The address <paramref name="bytes"/> further on.</summary>
    /// <exception cref="OverflowException">The sum does not fit into 64 bits.</exception>
    public HostAddress Add(ulong bytes) => new(checked(Value + bytes));

    /// <summary>As <see cref="Add"/>, for sizes that came from outside: false instead of an exception.</summary>
    public bool TryAdd(ulong bytes, out HostAddress sum)
    {
        sum = new(unchecked(Value + bytes));
        return sum.Value >= Value;
    }

    public int CompareTo(HostAddress other) => Value.CompareTo(other.Value);

    public static bool operator <(HostAddress left, HostAddress right) => left.Value < right.Value;

    public static bool operator >(HostAddress left, HostAddress right) => left.Value > right.Value;

    public static bool operator <=(HostAddress left, HostAddress right) => left.Value <= right.Value;

    public static bool operator >=(HostAddress left, HostAddress right) => left.Value >= right.Value;

    public override string ToString() => $"0x{Value:x}";
}
