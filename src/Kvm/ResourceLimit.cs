namespace Hostmemd.Kvm;

/// <summary>A resource limit; <see cref="Infinity"/> for none.</summary>
public readonly record struct ResourceLimit(ulong Soft, ulong Hard)
{
    public const ulong Infinity = ulong.MaxValue;
}
