using System.Diagnostics.CodeAnalysis;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Populate;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Jobs;

/// <summary>
/// A job of type memory-prealloc. It works slice by slice, each in a turn of the slow work: paused or waiting for its speed it takes nobody's
/// turn, and it ends its own when somebody else waits.
/// </summary>
/// <remarks>What the verbs change is changed inside the owner's steps; the slices run on threads for slow work.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "The source has neither timer nor handle, and a verb may come when the job has just ended.")]
internal sealed class PreallocJob
{
    /// <summary>Granted and not done yet, for each thread: the chunk it is at and the next, so that none waits for a grant.</summary>
    private const ulong AheadEach = 2 * MappedMemory.DefaultChunkSize;

    /// <summary>How long the helper may take to end what it has begun when the job is cancelled, before it is killed.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromMilliseconds(25);

    private readonly Guest _guest;
    private readonly PreallocOrder _order;
    private readonly ulong _page;
    private readonly ulong _ahead;
    private readonly Pace _pace;
    private readonly ProgressEvents _progress;
    private readonly CancellationTokenSource _cancel = new();
    private readonly TaskCompletionSource _concluded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Made by the first slice; stopped and killed from any thread.</summary>
    private IPopulateRun? _run;
    private ulong _granted;

    // Inside the owner's steps alone.
    private bool _isPaused;
    private bool _isWorking;
    private TaskCompletionSource? _resumed;
    private TaskCompletionSource? _settled;

    public PreallocJob(Guest guest, PreallocOrder order)
    {
        (_guest, _order) = (guest, order);
        _page = order.Backend.Memory.BackingPageSize;
        var threads = PopulateThreads.For(Length, order.Request.Threads, Environment.ProcessorCount);
        _ahead = Math.Max(_page, (ulong)threads * AheadEach);
        _pace = new Pace(guest.Clock, order.Speed, _page);
        _progress = new ProgressEvents(guest, order.Id, order.Backend, Length);
    }

    public string Id => _order.Id;

    public PreallocOrder Order => _order;

    /// <summary>Bytes in all.</summary>
    public ulong Length => _order.Request.Length;

    /// <summary>Bytes that are done.</summary>
    public ulong Done => _progress.Done;

    /// <summary>Completes when nothing is left of it, no process either.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Works until all is done, it fails or is cancelled; tells what became of it, and leaves no process.</summary>
    /// <param name="conclude">Publishes the end with the error, null for none.</param>
    public async Task RunAsync(Action<string?> conclude)
    {
        string? error = null;
        try
        {
            while (!await SliceAsync().ConfigureAwait(false))
            {
            }
        }
        catch (OperationCanceledException)
        {
            error = JobErrors.Canceled;
        }
        catch (QmpException e)
        {
            error = e.Message;
        }
        catch (Exception e)
        {
            _guest.Log.Error(e, "Job {Id} failed", Id);
            error = $"internal error: {e.Message}";
        }

        _progress.Dispose();
        conclude(error);
        _concluded.SetResult();
        // It waits and does not work, so it takes nobody's turn.
        if (_run is { } run)
            await SlowWork.AsideAsync(run.Dispose).ConfigureAwait(false);
        _ended.SetResult();
    }

    /// <summary>Inside an owner's step: from here on no slice begins.</summary>
    /// <returns>Completes when none is at work.</returns>
    /// <exception cref="QmpException">It is paused.</exception>
    public Task PauseAsync()
    {
        if (_isPaused)
            throw JobErrors.AlreadyPaused();
        _isPaused = true;
        _resumed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_isWorking)
            return Task.CompletedTask;
        _settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _settled.Task;
    }

    /// <summary>Inside an owner's step.</summary>
    /// <exception cref="QmpException">It is not paused.</exception>
    public void Resume()
    {
        if (!_isPaused)
            throw JobErrors.NotPaused();
        Unpause();
        _resumed!.SetResult();
    }

    /// <summary>Inside an owner's step: it counts as not paused. Where it waits it goes on waiting, for <see cref="CancelAsync"/>.</summary>
    public void Unpause()
    {
        _isPaused = false;
        _settled?.SetResult();
        _settled = null;
    }

    /// <summary>Ends it after what it is at, within milliseconds; what is done stays.</summary>
    /// <returns>Completes when it has concluded.</returns>
    public async Task CancelAsync()
    {
        await _cancel.CancelAsync().ConfigureAwait(false);
        Volatile.Read(ref _run)?.Stop();
        if (await Task.WhenAny(_concluded.Task, Task.Delay(StopTime, _guest.Clock)).ConfigureAwait(false) != _concluded.Task)
            Volatile.Read(ref _run)?.Kill();
        await _concluded.Task.ConfigureAwait(false);
    }

    /// <returns>All is done.</returns>
    private async Task<bool> SliceAsync()
    {
        await ReadyAsync().ConfigureAwait(false);
        PopulateReport? last = null;
        await _guest.Populator.InTurnAsync(_order.Request.Owner, _ => last = Slice(), _cancel.Token).ConfigureAwait(false);
        _cancel.Token.ThrowIfCancellationRequested();
        if (last is not { } report)
            return false;
        _guest.Populator.Complete(report, _cancel.Token);
        _progress.Report(Length);
        return true;
    }

    /// <summary>Waits until the job is not paused and its speed lets it go on.</summary>
    private async Task ReadyAsync()
    {
        while (true)
        {
            _cancel.Token.ThrowIfCancellationRequested();
            if (_guest.Owned(_ => _isPaused ? _resumed : null) is { } resumed)
                await resumed.Task.WaitAsync(_cancel.Token).ConfigureAwait(false);
            else if (!_pace.IsUnlimited && _pace.Wait() is var wait && wait > TimeSpan.Zero)
                await Task.Delay(wait, _guest.Clock, _cancel.Token).ConfigureAwait(false);
            else
                return;
        }
    }

    /// <summary>One turn: as long as nobody else waits for it. When it ends nothing of the job is at work.</summary>
    /// <returns>The last report when it has ended; null: it goes on in another turn.</returns>
    private PopulateReport? Slice()
    {
        if (!_guest.Owned(_ => _isWorking = !_isPaused))
            return null;
        var goesOn = false;
        try
        {
            if (_run is null)
                Volatile.Write(ref _run, _guest.Populator.Begin(_order.Request));
            PopulateReport? last = null;
            while (last is null && MayGoOn() && TryGrant(_run))
                last = _run.Follow(_granted == Length ? Length : Math.Min(_granted, Done + 1), _progress.Report);
            last ??= Done < _granted ? _run.Follow(_granted, _progress.Report) : null;
            goesOn = last is null && !_cancel.IsCancellationRequested;
            return last;
        }
        catch (QmpException) when (_cancel.IsCancellationRequested)
        {
            // It was killed.
            return null;
        }
        finally
        {
            EndSlice(goesOn);
        }
    }

    private void EndSlice(bool goesOn)
    {
        TaskCompletionSource? settled = null;
        _guest.Change(
            state =>
            {
                _isWorking = false;
                (settled, _settled) = (_settled, null);
                return goesOn && _isPaused ? JobTable.With(state, this, JobStatus.Paused) : null;
            },
            _ => JobTable.Tell(_guest, Id, JobStatus.Paused));
        // Who asked for the pause is answered after it is told.
        settled?.SetResult();
    }

    private bool MayGoOn() => !_cancel.IsCancellationRequested && !_guest.SlowWork.IsWantedBesides(_order.Request.Owner) && !_guest.Owned(_ => _isPaused);

    /// <returns>false: its speed does not let it go on.</returns>
    private bool TryGrant(IPopulateRun run)
    {
        var wanted = Math.Min(Length, Done + _ahead) - _granted;
        var grant = Math.Min(wanted, _pace.Free);
        grant -= grant % _page;
        if (grant == 0)
            return false;
        _pace.Spend(grant);
        _granted += grant;
        run.Grant(_granted);
        return true;
    }
}
