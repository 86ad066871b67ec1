using Hostmemd.Objects;
using Hostmemd.Populate;

namespace Hostmemd.Jobs;

/// <summary>What a job of type memory-prealloc was asked for, checked.</summary>
/// <param name="Request">The range; page aligned and inside the backend.</param>
/// <param name="Speed">Bytes a second; 0: no limit.</param>
internal sealed record PreallocOrder(string Id, MemoryBackend Backend, PopulateRequest Request, ulong Speed, bool AutoDismiss);
