namespace Hostmemd.Api;

/// <summary>Whether memory is lent. Lost: the last borrower ended without giving it back; the bytes are kept.</summary>
internal enum MemoryLoanState
{
    Free,
    Offered,
    Held,
    Lost,
}
