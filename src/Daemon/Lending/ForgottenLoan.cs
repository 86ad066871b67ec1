using Hostmemd.Objects;
using Hostmemd.Usage;

namespace Hostmemd.Lending;

/// <summary>A loan whose backend is gone here, while others hold the pages.</summary>
/// <param name="Backend">Closed; it names the loan.</param>
/// <param name="Size">Bytes.</param>
/// <param name="File">How it is known again; null: it could not be asked.</param>
internal sealed record ForgottenLoan(MemoryBackend Backend, ulong Size, ulong Offset, MemoryFile? File, Loan Loan);
