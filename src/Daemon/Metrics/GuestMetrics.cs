using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Objects;
using Hostmemd.Protocol.Schema;

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
            1, "_info", "version", ControlCommands.Version.Package, "accelerator", guest.Vm is null ? "none" : "kvm",
            "machine", Machine.NameOf(guest.Machine.Kind));
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
        var (counts, bytes, loans) = (new double[types.Count], new double[types.Count], new double[MemoryLoanInfo.States.Values.Count]);
        foreach (var published in state.Backends.Values)
        {
            var type = types.IndexOf(published.Backend.TypeName);
            counts[type]++;
            bytes[type] += published.Backend.Memory.Size;
            loans[MemoryLoanInfo.States.IndexOf(published.Loan.State)]++;
        }
        foreach (var forgotten in state.ForgottenLoans)
            loans[MemoryLoanInfo.States.IndexOf(forgotten.Loan.State)]++;
        metrics.Family("hostmemd_backends", "gauge", "Memory backends by type.");
        for (var i = 0; i < counts.Length; i++)
            metrics.Sample(counts[i], "", "type", types[i]);
        metrics.Family("hostmemd_backend_bytes", "gauge", "Sizes of memory backends, whether their pages are there or not.", "bytes");
        for (var i = 0; i < bytes.Length; i++)
            metrics.Sample(bytes[i], "", "type", types[i]);
        metrics.Family("hostmemd_loans", "gauge", "Memory backends by the state of their loan, those that were forgotten here too.");
        Samples(metrics, "state", MemoryLoanInfo.States, loans);
    }

    private static void Slots(OpenMetricsWriter metrics, Guest guest, GuestState state)
    {
        var uses = new double[MemorySlotInfo.Uses.Values.Count];
        foreach (var slot in state.Slots.All)
            uses[MemorySlotInfo.Uses.IndexOf(slot.Slot.Use)]++;
        metrics.Family("hostmemd_kvm_slots", "gauge", "KVM's memory slots by use.");
        Samples(metrics, "use", MemorySlotInfo.Uses, uses);
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
        var statuses = new double[JobInfo.Statuses.Values.Count];
        var (done, wanted) = (0d, 0d);
        foreach (var job in state.Jobs)
        {
            statuses[JobInfo.Statuses.IndexOf(job.Status)]++;
            (done, wanted) = (done + job.Job.Done, wanted + job.Job.Length);
        }
        metrics.Family("hostmemd_jobs", "gauge", "Jobs by status.");
        Samples(metrics, "status", JobInfo.Statuses, statuses);
        metrics.Gauge("hostmemd_populate_done_bytes", "What the jobs that are listed have populated.", done, "bytes");
        metrics.Gauge("hostmemd_populate_wanted_bytes", "What they are to populate.", wanted, "bytes");
    }

    /// <summary>A sample for each value of an enumeration, of its place in it.</summary>
    private static void Samples(OpenMetricsWriter metrics, string label, EnumTable table, double[] values)
    {
        for (var i = 0; i < values.Length; i++)
            metrics.Sample(values[i], "", label, table.Values[i].Name);
    }

    private static void Clients(OpenMetricsWriter metrics, Guest guest)
    {
        metrics.Gauge("hostmemd_clients", "Clients that are connected.", guest.Options.Monitors.Sum(monitor => monitor.Clients));
        metrics.Gauge("hostmemd_input_bytes", "Large input of clients that is held.", guest.Input.Used, "bytes");
    }

    private static void Commands(OpenMetricsWriter metrics, CommandCounters counters)
    {
        metrics.Family("hostmemd_commands", "counter", "Commands by name and result: ok, the error's class, or internal for a bug.");
        counters.WriteTo(metrics);
        metrics.Family("hostmemd_command_duration_seconds", "histogram", "From the command's turn to its reply.", "seconds");
        var durations = counters.Durations;
        for (var i = 0; i < durations.Count; i++)
            metrics.Sample(
                durations[i], "_bucket", "le", i < CommandCounters.Bounds.Count ? OpenMetricsWriter.Bound(CommandCounters.Bounds[i]) : "+Inf");
        metrics.Sample(durations[^1], "_count");
        metrics.Sample(counters.SumSeconds, "_sum");
    }
}
