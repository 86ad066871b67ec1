namespace Hostmemd.Api;

/// <summary>Who counts.</summary>
internal enum StatsProvider
{
    Kvm,
    Cryptodev,
}
