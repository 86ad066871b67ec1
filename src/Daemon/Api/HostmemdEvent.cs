namespace Hostmemd.Api;

/// <summary>The events that come only to sessions that asked.</summary>
internal enum HostmemdEvent
{
    MemoryBackendAdded,
    MemoryBackendDeleted,
    MemorySlotAdded,
    MemorySlotDeleted,
    MemoryBackendProgress,
    MemoryLoanChange,
    EventsLost,
}
