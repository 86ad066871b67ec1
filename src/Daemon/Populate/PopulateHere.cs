using Hostmemd.Kvm;

namespace Hostmemd.Populate;

/// <summary>
/// Populates in this process, in bites with pauses. Each <see cref="Follow"/> has threads of its own that end with it, so what they set for
/// themselves touches nobody.
/// </summary>
internal sealed class PopulateHere(IKernel kernel, PopulateRequest request, int threads) : IPopulateRun
{
    /// <summary>How long the address space's lock is left alone after each bite. A waiting mmap needs that to wake up and take it.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMicroseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private ulong _granted;
    private ulong _done;

    public void Grant(ulong total) => _granted = Math.Min(total, request.Length);

    public PopulateReport? Follow(ulong until, Action<ulong>? progress)
    {
        var from = _done;
        var credit = new PopulateCredit();
        credit.Grant(_granted - from);
        try
        {
            request.Memory.Populate(
                new PopulateOptions
                {
                    Offset = request.Offset + from,
                    Length = _granted - from,
                    Threads = threads,
                    Read = request.ReadOnly,
                    ChunkSize = Math.Max(Populator.InProcessChunk, request.Memory.BackingPageSize),
                    Pause = Pause,
                    Prepare = () => PopulateMode.PrepareThread(kernel, request.Cpus, request.Policy, request.Nodes),
                    Credit = credit,
                    Progress = done => progress?.Invoke(from + done),
                },
                _stop.Token);
            _done = _granted;
            return _done == request.Length ? new PopulateReport(PopulateReportKind.Done, 0, _done) : null;
        }
        catch (OperationCanceledException)
        {
            return new PopulateReport(PopulateReportKind.Stopped, 0, from + credit.Done);
        }
        catch (KernelException e)
        {
            // Nothing is mapped here.
            var step = PopulateReport.StepOf(e.Call) is var known and not PopulateStep.Map ? known : PopulateStep.Populate;
            return new PopulateReport(PopulateReportKind.Failed, e.Errno, (ulong)step);
        }
    }

    public void Stop()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended.
        }
    }

    public void Kill() => Stop();

    public void Dispose() => _stop.Dispose();
}
