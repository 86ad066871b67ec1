namespace Hostmemd.Kvm;

/// <summary>KVM_STATS_UNIT_*: what a statistic counts.</summary>
public enum StatisticUnit
{
    None = 0,
    Bytes = 1,
    Seconds = 2,
    Cycles = 3,
    Boolean = 4,
}
