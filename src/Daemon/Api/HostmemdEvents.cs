using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal static class HostmemdEvents
{
    public static readonly EnumTable<HostmemdEvent> Table = new(
        "HostmemdEvent",
        (HostmemdEvent.MemoryBackendAdded, "MEMORY_BACKEND_ADDED"),
        (HostmemdEvent.MemoryBackendDeleted, "MEMORY_BACKEND_DELETED"),
        (HostmemdEvent.MemorySlotAdded, "MEMORY_SLOT_ADDED"),
        (HostmemdEvent.MemorySlotDeleted, "MEMORY_SLOT_DELETED"),
        (HostmemdEvent.MemoryBackendProgress, "MEMORY_BACKEND_PROGRESS"),
        (HostmemdEvent.MemoryLoanChange, "MEMORY_LOAN_CHANGE"),
        (HostmemdEvent.EventsLost, "EVENTS_LOST"));
}
