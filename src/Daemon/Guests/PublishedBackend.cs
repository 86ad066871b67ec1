using Hostmemd.Api;
using Hostmemd.Lending;
using Hostmemd.Objects;
using Serilog;

namespace Hostmemd.Guests;

/// <summary>A backend and its properties as they are now.</summary>
internal sealed record PublishedBackend(MemoryBackend Backend, MemoryBackendProperties Properties)
{
    /// <summary>What others have of it.</summary>
    public Loan Loan { get; init; } = Loan.None;

    /// <summary>Before the memory goes: what discard-data says now.</summary>
    public void DiscardIfAsked(ILogger log)
    {
        if (Properties is FileProperties { DiscardData: true })
            Backend.Discard(log);
    }
}
