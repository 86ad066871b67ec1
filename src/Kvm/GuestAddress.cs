namespace Hostmemd.Kvm;

/// <summary>An address in guest physical memory (gpa). Not a number, so that it cannot be taken for a host address.</summary>
/// <param name="Value">The address in bytes.</param>
public readonly record struct GuestAddress(ulong Value) : IComparable<GuestAddress>
{
    /// <summary>The address <paramref name="bytes"/> further on.</summary>
    /// <exception cref="OverflowException">The sum does not fit into 64 bits.</exception>
    public GuestAddress Add(ulong bytes) => new(checked(Value + bytes));

    /// <summary>As <see cref="Add"/>, for sizes that came from outside: false instead of an exception.</summary>
    public bool TryAdd(ulong bytes, out GuestAddress sum)
    {
        sum = new(unchecked(Value + bytes));
        return sum.Value >= Value;
    }

    public int CompareTo(GuestAddress other) => Value.CompareTo(other.Value);

    public static bool operator <(GuestAddress left, GuestAddress right) => left.Value < right.Value;

    public static bool operator >(GuestAddress left, GuestAddress right) => left.Value > right.Value;

    public static bool operator <=(GuestAddress left, GuestAddress right) => left.Value <= right.Value;

    public static bool operator >=(GuestAddress left, GuestAddress right) => left.Value >= right.Value;

    public override string ToString() => $"0x{Value:x}";
}
