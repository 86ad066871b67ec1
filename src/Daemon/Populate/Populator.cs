using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Populate;

/// <summary>
/// The one door to populating memory. What another process can do is done by one: allocating pages holds the lock of the address space it
/// is done in, and every other mmap there waits. What cannot be done elsewhere is done here in small bites.
/// </summary>
/// <remarks>Any thread may call; the work is slow work, of which few run at a time (<see cref="SlowWork"/>).</remarks>
internal sealed class Populator(Guest guest) : IAsyncDisposable
{
    /// <summary>Up to here memory behind a descriptor is populated in process (docs/performance.md, populating).</summary>
    public const ulong InProcessLimit = 16 << 20;

    /// <summary>In process: bytes for which the address space's lock is held at once.</summary>
    public const ulong InProcessChunk = 1 << 20;

    private readonly HelperProgram _program = guest.Options.PopulateProgram ?? HelperProgram.Find();
    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Calls that have not ended, and one for the populator itself until it ends.</summary>
    private int _running = 1;

    /// <summary>Allocates the pages that are not there yet; those that are keep what is in them.</summary>
    /// <param name="progress">
    /// Bytes of the range that are done, on whichever thread; the last is the whole. In process a smaller number may come after a larger
    /// one. Must not throw.
    /// </param>
    /// <exception cref="QmpException">It failed; some pages may be there.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what is populated stays so.</exception>
    public async Task PopulateAsync(PopulateRequest request, Action<ulong>? progress, CancellationToken cancellation)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _ending.Token);
        var token = both.Token;
        try
        {
            await InTurnAsync(request.Owner, done => Populate(request, progress, done, token), token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw PopulateErrors.GuestEnds();
        }
    }

    /// <summary>Starts what populates a range; it waits for credit. On a thread for slow work, in its turn.</summary>
    /// <exception cref="QmpException">It could not be started.</exception>
    public IPopulateRun Begin(PopulateRequest request)
    {
        var threads = PopulateThreads.For(request.Length, request.Threads, Environment.ProcessorCount);
        if (request.File is not { } file || !IsForHelper(request))
            return new PopulateHere(guest.Kernel, request, threads);
        var order = new PopulateOrder
        {
            Offset = checked(request.FileOffset + request.Offset),
            Length = request.Length,
            Threads = threads,
            Read = request.ReadOnly,
            Policy = request.Policy,
            Nodes = request.Nodes,
            Cpus = request.Cpus,
        };
        return PopulateHelper.Start(guest.Kernel, _program, order, file);
    }

    /// <summary>What a last report means: nothing when all is done.</summary>
    /// <exception cref="QmpException">It failed. A broken page is told to everybody, too.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public void Complete(PopulateReport last, CancellationToken cancellation)
    {
        if (last.Kind == PopulateReportKind.Done)
            return;
        if (last.Kind == PopulateReportKind.Stopped)
            throw new OperationCanceledException(cancellation);
        if (last is { Errno: Errno.EHWPOISON, Value: (ulong)PopulateStep.Populate })
            guest.Raise(Events.MemoryFailure(guest.Clock));
        throw PopulateErrors.Failed((PopulateStep)last.Value, last.Errno);
    }

    /// <summary>Ends what runs, and waits until nothing of it works on guest memory any more.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_ending.IsCancellationRequested)
            return;
        await _ending.CancelAsync().ConfigureAwait(false);
        Leave();
        await _idle.Task.ConfigureAwait(false);
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _running) == 0)
            _idle.TrySetResult();
    }

    /// <summary>Waits for its turn among the slow work, then for the work to end or to say that it is done.</summary>
    /// <param name="owner">Whose turn.</param>
    /// <param name="work">Gets what it may call when it is done but has to clear up. Never called where a cancellation came before.</param>
    /// <param name="cancellation">Of the waiting; the work looks at it by itself.</param>
    /// <exception cref="OperationCanceledException">Cancelled before its turn came.</exception>
    public async Task InTurnAsync(WorkOwner owner, Action<Action> work, CancellationToken cancellation)
    {
        const int waits = 0;
        const int works = 1;
        const int gaveUp = 2;
        var state = waits;
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = cancellation.UnsafeRegister(
            _ =>
            {
                // Who waits for a turn waits no longer; the turn will be one of nothing.
                if (Interlocked.CompareExchange(ref state, gaveUp, waits) == waits)
                    answered.SetCanceled(cancellation);
            },
            null);
        var turn = TurnAsync(owner, () =>
        {
            if (Interlocked.CompareExchange(ref state, works, waits) == waits)
                work(answered.SetResult);
        });
        await (await Task.WhenAny(answered.Task, turn).ConfigureAwait(false)).ConfigureAwait(false);
        if (Volatile.Read(ref state) == gaveUp)
            throw new OperationCanceledException(cancellation);
    }

    private async Task TurnAsync(WorkOwner owner, Action work)
    {
        Interlocked.Increment(ref _running);
        try
        {
            await guest.SlowWork.RunAsync(owner, work).ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }

    private void Populate(PopulateRequest request, Action<ulong>? progress, Action done, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var run = Begin(request);
        PopulateReport last;
        try
        {
            using (cancellation.UnsafeRegister(_ => run.Kill(), null))
            {
                run.Grant(request.Length);
                last = run.Follow(request.Length, progress)!.Value;
            }
        }
        catch (QmpException) when (cancellation.IsCancellationRequested)
        {
            // It was killed, and what it said or did not say before counts for nothing.
            throw new OperationCanceledException(cancellation);
        }

        // A cancellation that comes from here on comes too late.
        Complete(last, cancellation);
        done();
    }

    /// <summary>
    /// Pages of a private mapping are of this process alone, unless they cannot be written: then they are the file's.
    /// </summary>
    private static bool IsForHelper(PopulateRequest request) =>
        (request.Shared || request.ReadOnly) && request.Length > InProcessLimit;
}
