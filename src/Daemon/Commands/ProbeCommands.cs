using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>What a vCPU sees of guest memory, beside what the host sees.</summary>
internal static class ProbeCommands
{
    private const ulong DefaultSize = 8;
    private const ulong MaxTransfer = 64 * 1024;
    private const ulong PageSize = 4096;

    public static async ValueTask<GuestProbeResult> ProbeAsync(Client client, ProbeArguments arguments)
    {
        var guest = client.Guest;
        if (guest.Vm is null)
            throw new QmpException(QmpErrorClass.KVMMissingCap, "probe-guest-memory requires KVM, but the accelerator is 'none'; start with '-accel kvm'");
        var data = ReadData(arguments);
        var size = data is null ? arguments.Size ?? DefaultSize : (ulong)data.Length;
        var gpa = new GuestAddress(arguments.Addr);
        CheckRange(guest, arguments.Operation, gpa, size);
        if (arguments.Operation == GuestProbeOperation.Write && arguments.Force != true)
            await RefuseIfLentAsync(guest, gpa, size).ConfigureAwait(false);
        ProbeVcpu vcpu;
        try
        {
            vcpu = await guest.Probe.GetAsync(guest, guest.Vm).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KernelException or MemorySlotException)
        {
            throw new QmpException(QmpErrorClass.KVMMissingCap, $"the probe vCPU cannot be made: {e.Message}");
        }
        if (vcpu.Slot.Overlaps(gpa, size))
            throw new QmpException($"'addr' {gpa} with 'size' {size} touches the probe's own slot");
        var state = client.Pin();
        try
        {
            return arguments.Operation switch
            {
                GuestProbeOperation.Write => Describe(await vcpu.WriteAsync(gpa, data!).ConfigureAwait(false), state),
                GuestProbeOperation.Read => await ReadAsync(guest, vcpu, state, gpa, (int)size).ConfigureAwait(false),
                _ => await CompareAsync(guest, vcpu, state, gpa, size).ConfigureAwait(false),
            };
        }
        catch (Exception e) when (e is KernelException or MemorySlotException)
        {
            throw new QmpException($"the probe vCPU cannot do it: {e.Message}");
        }
    }

    private static byte[]? ReadData(ProbeArguments arguments)
    {
        if (arguments.Operation != GuestProbeOperation.Write)
            return arguments.Data is null ? null : throw new QmpException("Parameter 'data' needs 'operation' 'write'");
        if (arguments.Data is null)
            throw ProtocolErrors.Missing("data");
        var bytes = new byte[arguments.Data.Length];
        if (!Convert.TryFromBase64String(arguments.Data, bytes, out var length) || length == 0)
            throw ProtocolErrors.Expects("data", "base64 of at least one byte");
        if (arguments.Size is { } size && size != (ulong)length)
            throw new QmpException($"'size' {size} is not the length of 'data' ({length} bytes), leave it out");
        return bytes[..length];
    }

    private static void CheckRange(Guest guest, GuestProbeOperation operation, GuestAddress gpa, ulong size)
    {
        if (size == 0)
            throw ProtocolErrors.Expects("size", "at least one byte");
        if (operation != GuestProbeOperation.Compare && size > MaxTransfer)
            throw new QmpException($"'size' {size} is more than {MaxTransfer}, which is the most for 'read' and 'write'");
        var highest = ProbeVcpu.HighestAddress(guest.Vm!.Capabilities);
        if (!gpa.TryAdd(size - 1, out var last) || last > highest)
            throw new QmpException($"'addr' {gpa} with 'size' {size} is beyond what the probe vCPU reaches ({highest})");
        if (operation == GuestProbeOperation.Compare && guest.State.Slots.Holding(gpa) is { } slot && last > slot.Last)
            throw new QmpException($"'addr' {gpa} with 'size' {size} is more than one slot, which ends at {slot.Last}");
        if (operation == GuestProbeOperation.Compare && size > MaxTransfer && guest.State.Slots.Holding(gpa) is null)
            throw new QmpException($"'size' {size} is more than {MaxTransfer}, and there is no slot at 'addr' {gpa}");
    }

    /// <summary>What another process's guest uses is not written by chance.</summary>
    private static async Task RefuseIfLentAsync(Guest guest, GuestAddress gpa, ulong size)
    {
        await guest.Lending.SettleAsync().ConfigureAwait(false);
        var state = guest.State;
        foreach (var slot in state.Slots.Overlapping(gpa.Value, size))
            if (state.Backends.Values.FirstOrDefault(published => published.Backend.QomPath == slot.Memdev) is { Loan: { State: MemoryLoanState.Held } loan } lent)
                throw LendErrors.HeldBy(lent.Backend.Id, guest.Lending.Ledger.Names(loan), "'force'");
    }

    private static async Task<GuestProbeResult> ReadAsync(Guest guest, ProbeVcpu vcpu, GuestState state, GuestAddress gpa, int size)
    {
        var seen = await vcpu.ReadAsync(gpa, size).ConfigureAwait(false);
        var result = Describe(seen, state);
        if (seen.Outcome != ProbeOutcome.Done)
            return result;
        result.GuestData = Convert.ToBase64String(seen.Data.Span);
        if (HostBytes(guest, state, gpa, size) is { } host)
        {
            result.HostData = Convert.ToBase64String(host);
            AddDifference(result, gpa, seen.Data.Span, host);
        }
        return result;
    }

    private static async Task<GuestProbeResult> CompareAsync(Guest guest, ProbeVcpu vcpu, GuestState state, GuestAddress gpa, ulong size)
    {
        var total = new GuestProbeResult { Outcome = GuestProbeOutcome.Done, Generation = state.Generation, Native = true, Equal = true, DifferentPages = 0 };
        for (ulong done = 0; done < size;)
        {
            // Up to a page boundary, so that a page that differs is counted once.
            var at = gpa.Add(done);
            var chunk = (int)Math.Min(size - done, MaxTransfer - (at.Value % PageSize));
            var seen = await vcpu.ReadAsync(at, chunk).ConfigureAwait(false);
            total.Native &= seen.Native;
            if (seen.Outcome != ProbeOutcome.Done || HostBytes(guest, state, at, chunk) is not { } host)
                return Describe(seen with { Outcome = seen.Outcome == ProbeOutcome.Done ? ProbeOutcome.Mmio : seen.Outcome }, state);
            AddDifference(total, at, seen.Data.Span, host);
            done += (ulong)chunk;
        }
        return total;
    }

    /// <summary>The host's view of a range in one slot; null where there is none, or the slot went away meanwhile.</summary>
    private static byte[]? HostBytes(Guest guest, GuestState state, GuestAddress gpa, int size)
    {
        if (state.Slots.Holding(gpa) is not { } slot || gpa.Add((ulong)size - 1) > slot.Last)
            return null;
        var bytes = new byte[size];
        try
        {
            guest.Kernel.ReadMemory(slot.Hva.Add(gpa.Value - slot.Gpa.Value), bytes);
        }
        catch (KernelException)
        {
            return null;
        }
        // Memory is unmapped only after its slot is gone from the published state: while it is there, the bytes were the guest's.
        return ReferenceEquals(guest.State.Slots[slot.Gpa.Value]?.Slot, slot) ? bytes : null;
    }

    private static void AddDifference(GuestProbeResult result, GuestAddress gpa, ReadOnlySpan<byte> guest, ReadOnlySpan<byte> host)
    {
        result.Equal = (result.Equal ?? true) && guest.SequenceEqual(host);
        result.DifferentPages ??= 0;
        for (var at = 0; at < guest.Length;)
        {
            var page = (int)Math.Min((ulong)(guest.Length - at), PageSize - ((gpa.Value + (ulong)at) % PageSize));
            var same = guest.Slice(at, page).CommonPrefixLength(host.Slice(at, page));
            if (same < page)
            {
                result.DifferentPages++;
                result.FirstDifference ??= gpa.Value + (ulong)(at + same);
            }
            at += page;
        }
    }

    private static GuestProbeResult Describe(ProbeResult seen, GuestState state) => new()
    {
        Outcome = (GuestProbeOutcome)seen.Outcome,
        Generation = state.Generation,
        Native = seen.Native,
        FaultAddr = seen.FaultAddress?.Value,
    };
}
