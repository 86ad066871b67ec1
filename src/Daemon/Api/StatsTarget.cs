namespace Hostmemd.Api;

/// <summary>What is counted for.</summary>
internal enum StatsTarget
{
    Vm,
    Vcpu,
    Cryptodev,
}
