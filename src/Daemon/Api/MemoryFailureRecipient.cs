namespace Hostmemd.Api;

/// <summary>Whose memory a broken page was.</summary>
internal enum MemoryFailureRecipient
{
    Hypervisor,
    Guest,
}
