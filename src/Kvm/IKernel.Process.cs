namespace Hostmemd.Kvm;

public partial interface IKernel
{
    /// <summary>
    /// Held around "make a descriptor that is not close-on-exec yet, then set it", and by everybody who starts a process.
    /// Without it a child could inherit guest memory that was made in between.
    /// </summary>
    Lock CloseOnExecGate { get; }

    /// <summary>Kernel release as uname gives it; for people to read, never to decide by.</summary>
    string KernelRelease { get; }

    /// <summary>sysinfo(2): RAM and swap of the host.</summary>
    SystemMemory Sysinfo();

    /// <summary>getrlimit(2).</summary>
    ResourceLimit GetRlimit(ResourceKind kind);

    /// <summary>setrlimit(2).</summary>
    /// <exception cref="KernelException">EPERM: above the hard limit.</exception>
    void SetRlimit(ResourceKind kind, ResourceLimit limit);

    /// <summary>gettid(2).</summary>
    int Gettid();

    /// <summary>tgkill(2) to a thread of this process.</summary>
    void Tgkill(int tid, int signal);

    /// <summary>sched_getaffinity(2): the CPUs that a thread may run on, rising.</summary>
    /// <param name="tid">0: the calling thread.</param>
    /// <exception cref="KernelException">ESRCH: no such thread.</exception>
    IReadOnlyList<int> GetAffinity(int tid);

    /// <summary>sched_setaffinity(2). CPUs that the host does not have do not matter while it has one of them.</summary>
    /// <param name="tid">0: the calling thread.</param>
    /// <exception cref="KernelException">EINVAL: none of them can be used. EPERM: another user's thread. ESRCH.</exception>
    void SetAffinity(int tid, IReadOnlyCollection<int> cpus);

    /// <summary>The CPUs of a NUMA node, from sysfs; none where there is no such node.</summary>
    IReadOnlyList<int> GetCpusOfNode(uint node);

    /// <summary>Blocks a signal on the calling thread: it stays pending and no handler runs. Source: man 3 pthread_sigmask.</summary>
    void BlockSignal(int signal);

    /// <summary>Takes a blocked signal off the calling thread's pending ones. Source: man 2 sigtimedwait, timeout 0.</summary>
    /// <returns>False: none was pending.</returns>
    bool TakePendingSignal(int signal);
}
