using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Objects;

namespace Hostmemd.Metrics;

/// <summary>
/// A guest's figures as OpenMetrics text. Labels have values from lists of ours alone, so nobody can make their number grow: no ids, no
/// processes, no clients. Read from the published state; any thread.
/// </summary>
internal static class GuestMetrics
{
    public static string Text(Guest guest)
    {
        var state = guest.State;
        var metrics = new OpenMetricsWriter();
        metrics.Family("hostmemd", "info", "Which program this is, and what it was started as.");
        metrics.Sample(
            1, "_info", ("version", ControlCommands.Version.Package), ("accelerator", guest.Vm is null ? "none" : "kvm"),
            ("machine", Machine.NameOf(guest.Machine.Kind)));
        metrics.Family("hostmemd_state_changes", "counter", "Published changes of the guest's state.");
        metrics.Sample(state.Generation, "_total");
        Backends(metrics, state);
        Slots(metrics, guest, state);
        Jobs(metrics, state);
        Clients(metrics, guest);
        Commands(metrics, guest.Counters);
        return metrics.End();
    }

    private static void Backends(OpenMetricsWriter metrics, GuestState state)
    {
        var types = QomTypes.List("memory-backend", withAbstract: false).Select(type => type.Name).ToList();
        var byType = state.Backends.Values.ToLookup(published => published.Backend.TypeName);
        metrics.Family("hostmemd_backends", "gauge", "Memory backends by type.");
        foreach (var type in types)
            metrics.Sample(byType[type].Count(), labels: ("type", type));
        metrics.Family("hostmemd_backend_bytes", "gauge", "Sizes of memory backends, whether their pages are there or not.", "bytes");
        foreach (var type in types)
            metrics.Sample(byType[type].Sum(published => (double)published.Backend.Memory.Size), labels: ("type", type));
        metrics.Family("hostmemd_loans", "gauge", "Memory backends by the state of their loan, those that were forgotten here too.");
        var loans = state.Backends.Values.Select(published => published.Loan).Concat(state.ForgottenLoans.Select(forgotten => forgotten.Loan))
            .ToLookup(loan => loan.State);
        for (var i = 0; i < MemoryLoanInfo.States.Values.Count; i++)
            metrics.Sample(loans[MemoryLoanInfo.States.ValueAt(i)].Count(), labels: ("state", MemoryLoanInfo.States.Values[i].Name));
    }

    private static void Slots(OpenMetricsWriter metrics, Guest guest, GuestState state)
    {
        metrics.Family("hostmemd_kvm_slots", "gauge", "KVM's memory slots by use.");
        var uses = state.Slots.All.ToLookup(slot => slot.Slot.Use);
        for (var i = 0; i < MemorySlotInfo.Uses.Values.Count; i++)
            metrics.Sample(uses[MemorySlotInfo.Uses.ValueAt(i)].Count(), labels: ("use", MemorySlotInfo.Uses.Values[i].Name));
        if (guest.Vm is { } vm)
        {
            metrics.Gauge("hostmemd_kvm_slots_max", "Memory slots that KVM has.", vm.Capabilities.MaxSlots);
            metrics.Gauge("hostmemd_vm_queue_depth", "Work that waits for the VM thread.", vm.Waiting);
        }
        metrics.Gauge("hostmemd_dimms", "Plugged DIMMs.", state.Dimms.Count);
        metrics.Gauge("hostmemd_dimms_max", "DIMMs that can be plugged.", guest.Machine.DimmSlots);
    }

    private static void Jobs(OpenMetricsWriter metrics, GuestState state)
    {
        metrics.Family("hostmemd_jobs", "gauge", "Jobs by status.");
        var byStatus = state.Jobs.ToLookup(job => job.Status);
        for (var i = 0; i < JobInfo.Statuses.Values.Count; i++)
            metrics.Sample(byStatus[JobInfo.Statuses.ValueAt(i)].Count(), labels: ("status", JobInfo.Statuses.Values[i].Name));
        metrics.Gauge("hostmemd_populate_done_bytes", "What the jobs that are listed have populated.", state.Jobs.Sum(job => (double)job.Job.Done), "bytes");
        metrics.Gauge("hostmemd_populate_wanted_bytes", "What they are to populate.", state.Jobs.Sum(job => (double)job.Job.Length), "bytes");
    }

    private static void Clients(OpenMetricsWriter metrics, Guest guest)
    {
        metrics.Gauge("hostmemd_clients", "Clients that are connected.", guest.Options.Monitors.Sum(monitor => monitor.Clients));
        metrics.Gauge("hostmemd_input_bytes", "Large input of clients that is held.", guest.Input.Used, "bytes");
    }

    private static void Commands(OpenMetricsWriter metrics, CommandCounters counters)
    {
        metrics.Family("hostmemd_commands", "counter", "Commands by name and result: ok, the error's class, or internal for a bug.");
        foreach (var (command, result, count) in counters.Counts)
            metrics.Sample(count, "_total", ("command", command), ("result", result));
        metrics.Family("hostmemd_command_duration_seconds", "histogram", "From the command's turn to its reply.", "seconds");
        var durations = counters.Durations;
        for (var i = 0; i < durations.Count; i++)
            metrics.Sample(
                durations[i], "_bucket", ("le", i < CommandCounters.Bounds.Count ? OpenMetricsWriter.Bound(CommandCounters.Bounds[i]) : "+Inf"));
        metrics.Sample(durations[^1], "_count");
        metrics.Sample(counters.SumSeconds, "_sum");
    }
}
