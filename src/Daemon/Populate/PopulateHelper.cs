using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Populate;

/// <summary>
/// One run of the helper process: this program in another mode, which maps the file itself. What MADV_POPULATE_WRITE holds up is then its own
/// address space and not ours.
/// </summary>
internal static class PopulateHelper
{
    private const int Kill = 9;

    /// <summary>Starts it, follows its reports, and leaves nothing of it: no process, no descriptor. Blocks; on a thread of its own.</summary>
    /// <param name="progress">Bytes done, ever more; must not throw.</param>
    /// <param name="done">
    /// All pages are there. What follows is the end of the process, in which the kernel takes its mapping apart: a tenth of the time again,
    /// for which nobody needs to wait.
    /// </param>
    /// <returns>Its last report: done, or what failed.</returns>
    /// <exception cref="QmpException">It could not be started, or it ended without a last report.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: it was killed; what is populated stays so.</exception>
    public static PopulateReport Run(
        IKernel kernel, HelperProgram program, PopulateOrder order, SafeHandle file, Action<ulong>? progress, Action done, CancellationToken cancellation)
    {
        var (channel, process) = Start(kernel, program, order, file);
        using var ownChannel = channel;
        using var ownProcess = process;
        var run = new Conversation(kernel, channel, order.Length);
        ProcessEnd? end;
        try
        {
            using (cancellation.UnsafeRegister(_ => EndNow(kernel, process), null))
                run.Follow(progress);
            // From here on a cancellation comes too late.
            if (run.Last is { Kind: PopulateReportKind.Done })
                done();
        }
        finally
        {
            // Its last word is said, or it is not one of ours; it has nothing to keep, and so it need not end in order.
            if (!run.IsClosed)
                EndNow(kernel, process);
            end = WaitFor(kernel, process);
        }

        if (run.Last is { } last)
            return last;
        cancellation.ThrowIfCancellationRequested();
        throw run.IsClosed ? PopulateErrors.Ended(end) : PopulateErrors.Nonsense();
    }

    private static (SafeHandle Channel, ProcessFd Process) Start(IKernel kernel, HelperProgram program, PopulateOrder order, SafeHandle file)
    {
        try
        {
            var (ours, theirs) = kernel.Socketpair();
            using (theirs)
            {
                try
                {
                    return (ours, kernel.Spawn(new SpawnOptions
                    {
                        Program = program.Path,
                        Arguments = [program.Path, .. program.Arguments, PopulateMode.Option, order.ToString()],
                        Environment = HelperProgram.EnvironmentOfHelper(),
                        // The file as its input: whatever might print to standard output must not write into guest memory.
                        Descriptors = [file, theirs],
                    }));
                }
                catch
                {
                    ours.Dispose();
                    throw;
                }
            }
        }
        catch (KernelException e)
        {
            throw PopulateErrors.NotStarted(e.Errno);
        }
    }

    private static void EndNow(IKernel kernel, ProcessFd process)
    {
        try
        {
            kernel.SendSignal(process, Kill);
        }
        catch (KernelException)
        {
            // ESRCH: it has ended by itself.
        }
    }

    private static ProcessEnd? WaitFor(IKernel kernel, ProcessFd process)
    {
        try
        {
            return kernel.WaitFor(process);
        }
        catch (KernelException)
        {
            // ECHILD: where SIGCHLD is ignored nobody learns how a child ended.
            return null;
        }
    }

    /// <summary>What the helper says, from its first report to its last or its end.</summary>
    private sealed class Conversation(IKernel kernel, SafeHandle channel, ulong length)
    {
        /// <summary>Done or failed; null: it ended without, or wrote what no helper writes.</summary>
        public PopulateReport? Last { get; private set; }

        /// <summary>The helper has closed its end: it is ending by itself.</summary>
        public bool IsClosed { get; private set; }

        public void Follow(Action<ulong>? progress)
        {
            Span<byte> bytes = stackalloc byte[PopulateReport.Size];
            ulong reached = 0;
            while (ReadWhole(bytes) && PopulateReport.TryRead(bytes, out var report) && report.Value <= length)
            {
                if (report.Kind != PopulateReportKind.Progress)
                {
                    Last = report.Kind == PopulateReportKind.Failed || report.Value == length ? report : null;
                    return;
                }

                // Its threads report in any order.
                if (report.Value <= reached)
                    continue;
                reached = report.Value;
                progress?.Invoke(reached);
            }
        }

        private bool ReadWhole(Span<byte> bytes)
        {
            try
            {
                for (var have = 0; have < bytes.Length;)
                {
                    var count = kernel.Read(channel, bytes[have..]);
                    IsClosed = count == 0;
                    if (IsClosed)
                        return false;
                    have += count;
                }

                return true;
            }
            catch (KernelException)
            {
                // Nothing more can be learned from it.
                return false;
            }
        }
    }
}
