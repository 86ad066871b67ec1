using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

// Child processes: starting, talking, ending; and what a thread may set for itself.
public partial interface IKernel
{
    /// <summary>socketpair(2): a stream between two descriptors, both close-on-exec and blocking.</summary>
    /// <exception cref="KernelException">EMFILE, ENFILE: no descriptors left.</exception>
    (SafeFileHandle Ours, SafeFileHandle Theirs) Socketpair();

    /// <summary>
    /// posix_spawn(3) under <see cref="CloseOnExecGate"/>: the child has the descriptors that are named and no other but standard error.
    /// </summary>
    /// <exception cref="KernelException">EAGAIN: too many processes. ENOMEM. ENOENT, EACCES, ENOEXEC: no such program. EMFILE.</exception>
    /// <remarks>The child's signal mask is empty, and unless it inherits it is its own process group: a key pressed at the terminal
    /// does not reach it.</remarks>
    ProcessFd Spawn(SpawnOptions options);

    /// <summary>
    /// execve(2): this process goes on as another program. Returns only by its exception, and then all is as it was but for the calling
    /// thread's signal mask, which is empty.
    /// </summary>
    /// <param name="inherited">Descriptors that the program has too, under the numbers they have here.</param>
    /// <exception cref="KernelException">ENOENT, EACCES, ENOEXEC: no such program. E2BIG.</exception>
    void Execute(
        string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, IReadOnlyList<SafeHandle>? inherited = null);

    /// <summary>fcntl(F_SETFD): sets FD_CLOEXEC, for a descriptor that was inherited without.</summary>
    void SetCloseOnExec(SafeHandle file);

    /// <summary>
    /// prctl(PR_SET_PDEATHSIG): the kernel sends this process a signal when the thread that started it has ended. It outlasts execve of
    /// programs that are not set-user-ID.
    /// </summary>
    /// <remarks>The parent may have ended before: ask <see cref="Getppid"/> afterwards.</remarks>
    void DieWithParent(int signal);

    /// <summary>getppid(2).</summary>
    int Getppid();

    /// <summary>pidfd_send_signal(2): never hits another process that got the number since.</summary>
    /// <exception cref="KernelException">ESRCH: it has ended and was waited for.</exception>
    void SendSignal(ProcessFd process, int signal);

    /// <summary>waitid(2): blocks until a child has ended, and takes it out of the process table.</summary>
    /// <exception cref="KernelException">ECHILD: somebody else took it, or the system does where SIGCHLD is ignored.</exception>
    ProcessEnd WaitFor(ProcessFd process);

    /// <summary>read(2), blocking; may be short.</summary>
    /// <returns>Bytes; 0 at the end: nobody has the other side any more.</returns>
    int Read(SafeHandle file, Span<byte> buffer);

    /// <summary>write(2), blocking; may be short.</summary>
    /// <exception cref="KernelException">EPIPE: nobody has the other side any more.</exception>
    int Write(SafeHandle file, ReadOnlySpan<byte> buffer);

    /// <summary>set_mempolicy(2) of the calling thread: where pages come from that no mapping's or file's own policy governs.</summary>
    /// <exception cref="KernelException">EINVAL: no such node, or nodes that do not fit the policy.</exception>
    void SetMempolicy(MemoryPolicy policy, IReadOnlyCollection<uint> nodes);

    /// <summary>get_mempolicy(2) of the calling thread.</summary>
    MemoryPolicy GetTaskMempolicy();

    /// <summary>
    /// sched_setscheduler(2) of the calling thread to SCHED_IDLE: it runs where nobody else wants to, and whoever wakes up takes its place at
    /// once. Threads and processes that it starts inherit it; going back needs a privilege. Source: man 7 sched.
    /// </summary>
    void SetIdleScheduling();

    /// <summary>clock_nanosleep(2): longer than asked for by the timer slack, 50 us as a rule.</summary>
    void Pause(TimeSpan time);
}
