using System.Buffers.Binary;
using Hostmemd.Kvm;
using Hostmemd.Startup;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Populate;

/// <summary>
/// The helper process: maps the file that is its standard input, allocates its pages and reports on its standard output, a socket. No logger,
/// no VM, no client. It ends when the daemon does.
/// </summary>
internal static class PopulateMode
{
    /// <summary>First of its arguments; the <see cref="PopulateOrder"/> is the second and last. For the daemon's own use.</summary>
    public const string Option = "-populate";

    /// <summary>In place of a credit: stop, say how far it is, and end.</summary>
    public const ulong StopWord = 0;

    /// <summary>Huge pages need addresses that fit them.</summary>
    private const ulong Alignment = 2 << 20;

    /// <summary>The kernel's word for the calling thread.</summary>
    private const int ThisThread = 0;

    private const int Succeeded = 0;
    private const int Failed = 2;

    public static bool IsMeant(IReadOnlyList<string> arguments) => arguments.Count > 0 && arguments[0] == Option;

    /// <returns>The exit status.</returns>
    /// <exception cref="OptionException">Nobody but a person started it.</exception>
    public static int Run(IReadOnlyList<string> arguments)
    {
        var kernel = new LinuxKernel();
        using var file = new SafeFileHandle(0, ownsHandle: false);
        using var channel = new SafeFileHandle(1, ownsHandle: false);
        if (arguments.Count != 2 || PopulateOrder.Parse(arguments[1]) is not { } order || !IsSocket(kernel, channel))
            throw new OptionException($"{Option}: for the daemon's own use, use -object …,prealloc=on");

        ProcessName.Set(kernel, ProcessName.Populate);
        BeTheFirstToGo(kernel);
        var credit = new PopulateCredit();
        new Thread(() => Obey(kernel, channel, credit)) { Name = "watch", IsBackground = true }.Start();
        try
        {
            return Populate(kernel, file, channel, order, credit);
        }
        catch (KernelException e)
        {
            Report(kernel, channel, PopulateReport.Failure(e));
            return Failed;
        }
    }

    /// <summary>What each thread that populates sets for itself, and whether it holds.</summary>
    /// <exception cref="KernelException">It does not hold.</exception>
    public static void PrepareThread(IKernel kernel, IReadOnlyList<int>? cpus, MemoryPolicy policy, IReadOnlyList<uint> nodes)
    {
        if (cpus is not null)
        {
            kernel.SetAffinity(ThisThread, cpus);
            if (!kernel.GetAffinity(ThisThread).All(cpus.Contains))
                throw new KernelException("sched_setaffinity", Errno.EINVAL);
        }

        if (policy == MemoryPolicy.Default)
            return;
        kernel.SetMempolicy(policy, nodes);
        if (kernel.GetTaskMempolicy() != policy)
            throw new KernelException("set_mempolicy", Errno.EINVAL);
    }

    private static int Populate(LinuxKernel kernel, SafeFileHandle file, SafeFileHandle channel, PopulateOrder order, PopulateCredit credit)
    {
        try
        {
            Populate(kernel, file, order, credit, done => Report(kernel, channel, new PopulateReport(PopulateReportKind.Progress, 0, done)));
            Report(kernel, channel, new PopulateReport(PopulateReportKind.Done, 0, order.Length));
        }
        catch (OperationCanceledException)
        {
            Report(kernel, channel, new PopulateReport(PopulateReportKind.Stopped, 0, credit.Done));
        }

        return Succeeded;
    }

    private static void Populate(LinuxKernel kernel, SafeFileHandle file, PopulateOrder order, PopulateCredit credit, Action<ulong> progress)
    {
        // The mapping is not closed: it goes with the process, sooner than by a call.
        var memory = MappedMemory.Create(kernel, new MappingOptions
        {
            Size = order.Length,
            Alignment = Alignment,
            File = file,
            Offset = order.Offset,
            Shared = true,
            ReadOnly = order.Read,
            HugePage = true,
            Dump = false,
        });
        BackgroundPopulate.Run(
            kernel,
            memory,
            credit,
            new PopulateOptions
            {
                Length = order.Length,
                Threads = order.Threads,
                Credit = credit,
                Read = order.Read,
                // A memfd, a file in shm and from Linux 6.19 on a guest_memfd carry the policy themselves: the daemon's mbind gave it to them.
                // For huge pages, files on disk and a guest_memfd before 6.19 the policy of the thread decides that takes the page.
                Prepare = () => PrepareThread(kernel, order.Cpus, order.Policy, order.Nodes),
                Progress = progress,
            });
    }

    /// <summary>
    /// Small enough for the socket to take it in one piece or not at all, so threads need no order among them. Fails where the daemon is gone.
    /// </summary>
    private static void Report(LinuxKernel kernel, SafeFileHandle channel, PopulateReport report)
    {
        Span<byte> bytes = stackalloc byte[PopulateReport.Size];
        report.Write(bytes);
        if (kernel.Write(channel, bytes) != bytes.Length)
            throw new KernelException("write", Errno.EIO);
    }

    /// <summary>Takes the daemon's words, 8 bytes each: how many bytes may be done in all. The end comes when it closes its side or is no more.</summary>
    private static void Obey(LinuxKernel kernel, SafeFileHandle channel, PopulateCredit credit)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        try
        {
            for (int have = 0, count; (count = kernel.Read(channel, word[have..])) > 0;)
            {
                have = (have + count) % word.Length;
                if (have != 0)
                    continue;
                var total = BinaryPrimitives.ReadUInt64LittleEndian(word);
                if (total == StopWord)
                    credit.Stop();
                else
                    credit.Grant(total);
            }
        }
        catch (KernelException)
        {
            // ECONNRESET: the same.
        }

        Environment.Exit(Failed);
    }

    /// <summary>
    /// Where memory runs out the kernel is to end this process and not the daemon, whose undo gives all of it back. Source: man 5
    /// proc_pid_oom_score_adj.
    /// </summary>
    private static void BeTheFirstToGo(LinuxKernel kernel)
    {
        const int writeOnly = 1;
        try
        {
            using var score = kernel.Open("/proc/self/oom_score_adj", writeOnly, 0);
            kernel.Pwrite(score, "1000"u8, 0);
        }
        catch (KernelException)
        {
            // No /proc: the kernel chooses by itself.
        }
    }

    private static bool IsSocket(LinuxKernel kernel, SafeFileHandle handle)
    {
        const uint typeMask = 0xF000;
        const uint socket = 0xC000;
        try
        {
            return (kernel.Fstat(handle).Mode & typeMask) == socket;
        }
        catch (KernelException)
        {
            return false;
        }
    }
}
