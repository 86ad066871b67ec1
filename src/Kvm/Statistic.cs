namespace Hostmemd.Kvm;

/// <summary>A statistic as the kernel describes it, with its values of one moment. Source: api.rst 4.135.</summary>
/// <param name="Base">10 or 2; values are times this to the power of <paramref name="Exponent"/>.</param>
/// <param name="BucketSize">Of a linear histogram.</param>
/// <param name="Values">One, or the buckets of a histogram.</param>
public sealed record Statistic(
    string Name, StatisticType Type, StatisticUnit Unit, int Base, short Exponent, uint BucketSize, IReadOnlyList<ulong> Values);
