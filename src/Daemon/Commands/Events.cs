using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Keeping;
using Hostmemd.Objects;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Session;

namespace Hostmemd.Commands;

/// <summary>The events, each declared once, and how they are made.</summary>
internal static class Events
{
    private static readonly EventDeclaration<ShutdownData> ShutdownEvent = new(
        "SHUTDOWN", "The guest ends. Before the reply of quit.");

    private static readonly EventDeclaration<ShutdownData> ResetEvent = new("RESET", "The guest was reset. Before the reply of system_reset.");

    private static readonly EventDeclaration<Nothing> PowerdownEvent = new("POWERDOWN", "The guest was asked to power down; no guest OS reacts here.");

    private static readonly EventDeclaration<Nothing> StopEvent = new("STOP", "The guest counts as stopped. Before the reply of stop.");

    private static readonly EventDeclaration<Nothing> ResumeEvent = new("RESUME", "The guest counts as running. Before the reply of cont.");

    private static readonly EventDeclaration<DeviceDeletedData> DeviceDeletedEvent = new(
        "DEVICE_DELETED", "A device is gone from every query, its memory slot too. After the reply of device_del.");

    private static readonly EventDeclaration<MemoryFailureData> MemoryFailureEvent = new(
        "MEMORY_FAILURE", "A page of the host's memory is broken: populating met it. Before the reply of the command that fails of it.");

    private static readonly EventDeclaration<JobStatusChangeData> JobStatusChangeEvent = new(
        "JOB_STATUS_CHANGE",
        "A job stands somewhere else. created and running come before the reply of the command that made it, what a command does to a job before "
        + "its reply, the rest when it happens.");

    private static readonly EventDeclaration<MemoryBackendAddedData> MemoryBackendAddedEvent = new(
        "MEMORY_BACKEND_ADDED", "A memory backend was made. Before the reply of object-add.")
    { Features = Features.Hostmemd, OnRequest = true };

    private static readonly EventDeclaration<MemoryBackendDeletedData> MemoryBackendDeletedEvent = new(
        "MEMORY_BACKEND_DELETED",
        "A memory backend is gone. Before the reply of object-del. Memory that a killed daemon had and that could not be kept is told of once to each client, "
        + "after the reply of its first event-subscribe that names this event.")
    { Features = Features.Hostmemd, OnRequest = true };

    private static readonly EventDeclaration<MemorySlotAddedData> MemorySlotAddedEvent = new(
        "MEMORY_SLOT_ADDED", "KVM has a new memory slot. Before the reply of device_add. The probe's own slot makes none.")
    { Features = Features.Hostmemd, OnRequest = true };

    private static readonly EventDeclaration<MemorySlotDeletedData> MemorySlotDeletedEvent = new(
        "MEMORY_SLOT_DELETED", "KVM's memory slot is gone. After the reply of device_del, before DEVICE_DELETED.")
    { Features = Features.Hostmemd, OnRequest = true };

    private static readonly EventDeclaration<MemoryBackendProgressData> MemoryBackendProgressEvent = new(
        "MEMORY_BACKEND_PROGRESS",
        "How far a job of type memory-prealloc is: at most ten a second for each job, the newest in place of older ones; the last always comes, before "
        + "the job concludes.")
    { Features = Features.Hostmemd, OnRequest = true };

    private static readonly EventDeclaration<MemoryLoanChangeData> MemoryLoanChangeEvent = new(
        "MEMORY_LOAN_CHANGE", "Somebody has got a backend's memory, has given it back, or has ended with it.")
    { Features = Features.Hostmemd, OnRequest = true };

    private static readonly EventDeclaration<EventsLostData> EventsLostEvent = new(
        "EVENTS_LOST", "This session was too slow for events it subscribed to; it should query again.")
    { Features = Features.Hostmemd, OnRequest = true };

    /// <summary>All of them, in the manual's order.</summary>
    public static IReadOnlyList<EventDeclaration> All { get; } =
    [
        ShutdownEvent, PowerdownEvent, ResetEvent, StopEvent, ResumeEvent, DeviceDeletedEvent, MemoryFailureEvent, JobStatusChangeEvent,
        MemoryBackendAddedEvent, MemoryBackendDeletedEvent, MemorySlotAddedEvent, MemorySlotDeletedEvent,
        MemoryBackendProgressEvent, MemoryLoanChangeEvent, EventsLostEvent,
    ];

    public static EventMessage Shutdown(ShutdownCause cause, TimeProvider clock) =>
        ShutdownEvent.Make(new ShutdownData { Reason = cause }, clock);

    public static EventMessage Reset(ShutdownCause cause, TimeProvider clock) => ResetEvent.Make(new ShutdownData { Reason = cause }, clock);

    public static EventMessage Powerdown(TimeProvider clock) => PowerdownEvent.Make(Nothing.Value, clock);

    public static EventMessage Stop(TimeProvider clock) => StopEvent.Make(Nothing.Value, clock);

    public static EventMessage Resume(TimeProvider clock) => ResumeEvent.Make(Nothing.Value, clock);

    public static EventMessage DeviceDeleted(Dimm dimm, TimeProvider clock) =>
        DeviceDeletedEvent.Make(new DeviceDeletedData { Device = dimm.Id, Path = dimm.QomPath }, clock);

    /// <summary>A broken page met while populating: no guest was told, and the memory is given back.</summary>
    public static EventMessage MemoryFailure(TimeProvider clock) => MemoryFailureEvent.Make(
        new MemoryFailureData { Recipient = MemoryFailureRecipient.Hypervisor, Action = MemoryFailureAction.Ignore }, clock);

    public static EventMessage JobStatusChange(string id, JobStatus status, TimeProvider clock) =>
        JobStatusChangeEvent.Make(new JobStatusChangeData { Id = id, Status = status }, clock);

    public static EventMessage MemoryBackendProgress(string job, MemoryBackend backend, ulong done, ulong length, TimeProvider clock) =>
        MemoryBackendProgressEvent.Make(
            new MemoryBackendProgressData { JobId = job, Memdev = backend.QomPath, CurrentProgress = (long)done, TotalProgress = (long)length }, clock);

    public static EventMessage MemoryBackendAdded(MemoryBackend backend, ulong size, ulong generation, TimeProvider clock) =>
        MemoryBackendAddedEvent.Make(
            () => new MemoryBackendAddedData { Memdev = backend.QomPath, QomType = backend.TypeName, Size = size, Generation = generation }, clock);

    /// <param name="held">Others have the pages.</param>
    public static EventMessage MemoryBackendDeleted(MemoryBackend backend, ulong size, bool held, ulong generation, TimeProvider clock) =>
        MemoryBackendDeletedEvent.Make(
            () => new MemoryBackendDeletedData { Memdev = backend.QomPath, Size = size, Held = held, Generation = generation }, clock);

    /// <summary>Memory of a daemon that was killed, which nobody has any more.</summary>
    public static EventMessage MemoryBackendLost(LostBackend lost, ulong generation, TimeProvider clock) => MemoryBackendDeletedEvent.Make(
        new MemoryBackendDeletedData { Memdev = lost.QomPath, Size = lost.Size, Held = false, Generation = generation }, clock);

    public static EventMessage MemoryLoanChange(MemoryBackend backend, MemoryLoanState state, int? pid, ulong generation, TimeProvider clock) =>
        MemoryLoanChangeEvent.Make(
            new MemoryLoanChangeData { Memdev = backend.QomPath, State = state, Pid = pid, Generation = generation }, clock);

    public static EventMessage MemorySlotAdded(PublishedSlot slot, ulong generation, TimeProvider clock) => MemorySlotAddedEvent.Make(
        () => new MemorySlotAddedData { SlotInfo = slot.ToInfo(), Generation = generation }, clock,
        forReadOnly: () => new MemorySlotAddedData { SlotInfo = slot.ToInfo(hideHostAddress: true), Generation = generation });

    public static EventMessage MemorySlotDeleted(PublishedSlot slot, ulong generation, TimeProvider clock) =>
        MemorySlotDeletedEvent.Make(
            () => new MemorySlotDeletedData { KvmSlot = slot.Slot.Id, Addr = slot.Slot.Gpa.Value, Size = slot.Slot.Size, Generation = generation }, clock);

    public static EventMessage Lost(ulong count, TimeProvider clock) => EventsLostEvent.Make(new EventsLostData { Count = count }, clock);
}
