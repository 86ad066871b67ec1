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

    /// <summary>In process: how long it is left alone then. A waiting mmap needs that to wake up and take it.</summary>
    private static readonly TimeSpan InProcessPause = TimeSpan.FromMicroseconds(50);

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
    /// <param name="work">Gets what it may call when it is done but has to clear up. Never called where a cancellation came before.</param>
    private async Task InTurnAsync(WorkOwner owner, Action<Action> work, CancellationToken cancellation)
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
        var threads = PopulateThreads.For(request.Length, request.Threads, Environment.ProcessorCount);
        var report = request.File is { } file && IsForHelper(request)
            ? PopulateHelper.Run(
                guest.Kernel,
                _program,
                new PopulateOrder
                {
                    Offset = checked(request.FileOffset + request.Offset),
                    Length = request.Length,
                    Threads = threads,
                    Read = request.ReadOnly,
                    Policy = request.Policy,
                    Nodes = request.Nodes,
                    Cpus = request.Cpus,
                },
                file,
                progress,
                done,
                cancellation)
            : PopulateHere(request, threads, progress, cancellation);
        if (report.Kind == PopulateReportKind.Done)
            return;
        if (report is { Errno: Errno.EHWPOISON, Value: (ulong)PopulateStep.Populate })
            guest.Raise(Events.MemoryFailure(guest.Clock));
        throw PopulateErrors.Failed((PopulateStep)report.Value, report.Errno);
    }

    /// <summary>
    /// Pages of a private mapping are of this process alone, unless they cannot be written: then they are the file's.
    /// </summary>
    private static bool IsForHelper(PopulateRequest request) =>
        (request.Shared || request.ReadOnly) && request.Length > InProcessLimit;

    /// <summary>On threads that end with it, so what they set for themselves touches nobody.</summary>
    private PopulateReport PopulateHere(PopulateRequest request, int threads, Action<ulong>? progress, CancellationToken cancellation)
    {
        try
        {
            request.Memory.Populate(
                new PopulateOptions
                {
                    Offset = request.Offset,
                    Length = request.Length,
                    Threads = threads,
                    Read = request.ReadOnly,
                    ChunkSize = Math.Max(InProcessChunk, request.Memory.BackingPageSize),
                    Pause = InProcessPause,
                    Prepare = () => PopulateMode.PrepareThread(guest.Kernel, request.Cpus, request.Policy, request.Nodes),
                    Progress = progress,
                },
                cancellation);
            return new PopulateReport(PopulateReportKind.Done, 0, request.Length);
        }
        catch (KernelException e)
        {
            // Nothing is mapped here.
            var step = PopulateReport.StepOf(e.Call) is var known and not PopulateStep.Map ? known : PopulateStep.Populate;
            return new PopulateReport(PopulateReportKind.Failed, e.Errno, (ulong)step);
        }
    }
}
