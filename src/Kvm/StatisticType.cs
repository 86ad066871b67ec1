namespace Hostmemd.Kvm;

/// <summary>KVM_STATS_TYPE_*: what kind of number a statistic is.</summary>
public enum StatisticType
{
    Cumulative = 0,
    Instant = 1,
    Peak = 2,
    LinearHistogram = 3,
    LogHistogram = 4,
}
