using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.DirtyRate;

/// <summary>
/// Measures how fast guest memory is written: one measurement at a time, in the background. It holds up no session, and the VM thread for a
/// slot at a time.
/// </summary>
internal sealed class DirtyRateMeter(Guest guest) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ended = new();
    private DirtyRateState _state = DirtyRateState.Unstarted;
    private Task _running = Task.CompletedTask;

    public DirtyRateState State => Volatile.Read(ref _state);

    /// <summary>Begins to count; afterwards <see cref="State"/> is measuring.</summary>
    /// <exception cref="QmpException">
    /// One is under way, another process has some of the memory, or KVM does not count in some slot; nothing has changed.
    /// </exception>
    public async Task StartAsync(DirtyRateMeasureMode mode, long milliseconds, long samplePages)
    {
        var before = State;
        var measuring = new DirtyRateState(DirtyRateStatus.Measuring, mode, guest.Clock.GetUtcNow().ToUnixTimeSeconds(), milliseconds, samplePages, null);
        lock (_gate)
        {
            if (State.Status == DirtyRateStatus.Measuring)
                throw DirtyRateErrors.AlreadyMeasuring();
            Volatile.Write(ref _state, measuring);
        }
        try
        {
            await RefuseLentAsync().ConfigureAwait(false);
            IDirtyCount count = mode switch
            {
                DirtyRateMeasureMode.DirtyBitmap => new DirtyLogCount(guest),
                DirtyRateMeasureMode.DirtyRing => new DirtyRingCount(guest),
                _ => new SampleCount(guest, (ulong)samplePages),
            };
            await count.BeginAsync().ConfigureAwait(false);
            _running = FinishAsync(count, measuring);
        }
        catch
        {
            Volatile.Write(ref _state, before);
            throw;
        }
    }

    /// <summary>Ends a measurement that is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _ended.Dispose();
    }

    private async Task FinishAsync(IDirtyCount count, DirtyRateState measuring)
    {
        var began = guest.Clock.GetTimestamp();
        try
        {
            await Task.Delay(TimeSpan.FromMilliseconds(measuring.Milliseconds), guest.Clock, _ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The guest ends: what was switched on is switched off.
        }
        var passed = guest.Clock.GetElapsedTime(began);
        try
        {
            var bytes = await count.EndAsync().ConfigureAwait(false);
            await RefuseLentAsync().ConfigureAwait(false);
            var rate = (long)(bytes / Math.Max(passed.TotalSeconds, 0.001) / (1 << 20));
            Volatile.Write(ref _state, measuring with { Status = DirtyRateStatus.Measured, Rate = rate });
        }
        catch (Exception e)
        {
            guest.Log.Error("The dirty rate could not be measured: {Error}", e.Message);
            Volatile.Write(ref _state, DirtyRateState.Unstarted);
        }
    }

    /// <summary>What another process writes is not what this guest writes: a figure without it would be taken for all there is.</summary>
    private async Task RefuseLentAsync()
    {
        await guest.Lending.SettleAsync().ConfigureAwait(false);
        var state = guest.State;
        if (state.Backends.Values.FirstOrDefault(published => published.Loan.State == MemoryLoanState.Held) is { } lent)
            throw DirtyRateErrors.Lent(lent.Backend.Id, guest.Lending.Ledger.Names(lent.Loan));
    }
}
