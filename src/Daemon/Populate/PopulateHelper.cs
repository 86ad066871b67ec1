using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Startup;

namespace Hostmemd.Populate;

/// <summary>
/// One helper process: this program in another mode, which maps the file itself. What MADV_POPULATE_WRITE holds up is then its own address
/// space and not ours. It works on credit: between two grants it waits.
/// </summary>
internal sealed class PopulateHelper : IPopulateRun
{
    private const int SigKill = 9;

    private readonly IKernel _kernel;
    private readonly SafeHandle _channel;
    private readonly ProcessFd _process;
    private readonly ulong _length;
    private ulong _reached;
    private bool _isClosed;
    private bool _isWaitedFor;

    private PopulateHelper(IKernel kernel, SafeHandle channel, ProcessFd process, ulong length) =>
        (_kernel, _channel, _process, _length) = (kernel, channel, process, length);

    /// <summary>Starts it; it does nothing yet.</summary>
    /// <param name="file">The memory. Borrowed: the process has its own from here on.</param>
    /// <exception cref="QmpException">It could not be started; nothing of it is left.</exception>
    public static PopulateHelper Start(IKernel kernel, HelperProgram program, PopulateOrder order, SafeHandle file)
    {
        try
        {
            var (ours, theirs) = kernel.Socketpair();
            using (theirs)
            {
                try
                {
                    var process = kernel.Spawn(new SpawnOptions
                    {
                        Program = program.Path,
                        Arguments = program.CommandLine(ProcessName.Populate, [PopulateMode.Option, order.ToString()]),
                        Environment = HelperProgram.EnvironmentOfHelper(),
                        // The file as its input: whatever might print to standard output must not write into guest memory.
                        Descriptors = [file, theirs],
                    });
                    return new PopulateHelper(kernel, ours, process, order.Length);
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

    public void Grant(ulong total) => Tell(total);

    public PopulateReport? Follow(ulong until, Action<ulong>? progress)
    {
        Span<byte> bytes = stackalloc byte[PopulateReport.Size];
        // Done with all is what the helper says itself.
        while (_reached < until || until == _length)
        {
            if (!ReadWhole(bytes))
                throw _isClosed ? PopulateErrors.Ended(Wait()) : PopulateErrors.Nonsense();
            if (!PopulateReport.TryRead(bytes, out var report) || report.Value > _length
                || (report.Kind == PopulateReportKind.Done && report.Value != _length))
                throw PopulateErrors.Nonsense();
            if (report.Kind != PopulateReportKind.Progress)
                return report;
            // Its threads report in any order.
            if (report.Value <= _reached)
                continue;
            _reached = report.Value;
            progress?.Invoke(_reached);
        }

        return null;
    }

    public void Stop() => Tell(PopulateMode.StopWord);

    public void Kill()
    {
        try
        {
            _kernel.SendSignal(_process, SigKill);
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            // ESRCH: it has ended by itself.
        }
    }

    /// <summary>
    /// Leaves no process and no descriptor. Blocks while the kernel takes the process's mapping apart: a tenth of the time that populating
    /// took, for which nobody needs to wait.
    /// </summary>
    public void Dispose()
    {
        // Its last word is said, or it is not one of ours; it has nothing to keep, and so it need not end in order.
        if (!_isClosed)
            Kill();
        Wait();
        _process.Dispose();
        _channel.Dispose();
    }

    private void Tell(ulong word)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, word);
        try
        {
            // A few words wait at most, so that the socket takes each at once and in one piece.
            _kernel.Write(_channel, bytes);
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            // EPIPE: it has ended; who follows it learns how.
        }
    }

    private bool ReadWhole(Span<byte> bytes)
    {
        try
        {
            for (var have = 0; have < bytes.Length;)
            {
                var count = _kernel.Read(_channel, bytes[have..]);
                _isClosed = count == 0;
                if (_isClosed)
                    return false;
                have += count;
            }

            return true;
        }
        catch (KernelException e)
        {
            // ECONNRESET: it ended before it read what it was granted. Else nothing more can be learned from it.
            _isClosed = e.Errno == Errno.ECONNRESET;
            return false;
        }
    }

    private ProcessEnd? Wait()
    {
        if (_isWaitedFor)
            return null;
        _isWaitedFor = true;
        try
        {
            return _kernel.WaitFor(_process);
        }
        catch (KernelException)
        {
            // ECHILD: where SIGCHLD is ignored nobody learns how a child ended.
            return null;
        }
    }
}
