using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    private const short SpawnSetProcessGroup = 0x02; // POSIX_SPAWN_SETPGROUP; the group's number is 0 by default: its own
    private const short SpawnSetSignalMask = 0x08; // POSIX_SPAWN_SETSIGMASK
    private const short SpawnSetSession = 0x80; // POSIX_SPAWN_SETSID, since glibc 2.26
    private const int IdIsPidfd = 3; // P_PIDFD
    private const int WaitExited = 4; // WEXITED
    private const int ChildExited = 1; // CLD_EXITED
    private const int ClockMonotonic = 1;
    private const int SetFlags = 2; // F_SETFD
    private const int CloseOnExec = 1; // FD_CLOEXEC

    public (SafeFileHandle Ours, SafeFileHandle Theirs) Socketpair()
    {
        var fds = stackalloc int[2];
        // SAFETY: two ints on this stack frame, which the kernel fills.
        Check("socketpair", Syscall.Result(LibC.socketpair(LibC.AF_UNIX, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, 0, fds)));
        return (File(fds[0]), File(fds[1]));
    }

    public ProcessFd Spawn(SpawnOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        // Above those that the child gets, so that no dup2 overwrites what a later one copies.
        var raised = new List<SafeFileHandle>();
        try
        {
            foreach (var descriptor in options.Descriptors)
                raised.Add(File(Check("fcntl(F_DUPFD_CLOEXEC)", Syscall.Fcntl(descriptor, DuplicateCloseOnExec, 3 + options.Descriptors.Count))));
            var program = Terminated(options.Program, "posix_spawn");
            using var arguments = new NativeStrings(options.Arguments.Select(argument => Terminated(argument, "posix_spawn")));
            using var environment = new NativeStrings(options.Environment.Select(variable => Terminated(variable, "posix_spawn")));
            int pid;
            lock (CloseOnExecGate)
                pid = PosixSpawn(program, arguments, environment, raised, options);
            return Own(pid);
        }
        finally
        {
            foreach (var handle in raised)
                handle.Dispose();
        }
    }

    public void SendSignal(ProcessFd process, int signal) => Check("pidfd_send_signal", Syscall.PidfdSendSignal(process, signal));

    public ProcessEnd WaitFor(ProcessFd process)
    {
        using var fd = new BorrowedFd(process);
        return Wait(IdIsPidfd, (uint)fd.Number);
    }

    public int Read(SafeHandle file, Span<byte> buffer)
    {
        var length = buffer.Length;
        fixed (byte* start = buffer)
        {
            // SAFETY: pinned during the call, and the length is the span's.
            var target = start;
            return (int)Check("read", Uninterrupted(() => Syscall.Read(file, target, length)));
        }
    }

    public int Write(SafeHandle file, ReadOnlySpan<byte> buffer)
    {
        var length = buffer.Length;
        fixed (byte* start = buffer)
        {
            // SAFETY: as in Read.
            var source = start;
            return (int)Check("write", Uninterrupted(() => Syscall.Write(file, source, length)));
        }
    }

    public void SetMempolicy(MemoryPolicy policy, IReadOnlyCollection<uint> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        var highest = nodes.Count == 0 ? 0 : nodes.Max();
        var words = new ulong[(highest / 64) + 1];
        foreach (var node in nodes)
            words[node / 64] |= 1UL << (int)(node % 64);
        fixed (ulong* mask = words)
        {
            // SAFETY: as in Mbind.
            Check("set_mempolicy", Syscall.SetMempolicy((int)policy, nodes.Count == 0 ? null : mask, nodes.Count == 0 ? 0UL : highest + 2UL));
        }
    }

    public MemoryPolicy GetTaskMempolicy()
    {
        int mode;
        // SAFETY: one int on this stack frame.
        Check("get_mempolicy", Syscall.GetMempolicy(&mode, 0, 0));
        return (MemoryPolicy)mode;
    }

    public void SetIdleScheduling()
    {
        const int idle = 5;
        // struct sched_param: its one member counts for real-time policies alone.
        var priority = 0;
        // SAFETY: one int on this stack frame.
        Check("sched_setscheduler", Syscall.SchedSetscheduler(idle, &priority));
    }

    public void Pause(TimeSpan time)
    {
        var wanted = stackalloc long[2] { (long)time.TotalSeconds, time.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick };
        // SAFETY: a whole struct timespec on this stack frame. A signal cuts the pause short, which harms nobody.
        _ = Libc.clock_nanosleep(ClockMonotonic, 0, wanted, null);
    }

    public void Execute(
        string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, IReadOnlyList<SafeHandle>? inherited = null)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(environment);
        using var argv = new NativeStrings(arguments.Select(argument => Terminated(argument, "execve")));
        using var envp = new NativeStrings(environment.Select(variable => Terminated(variable, "execve")));
        var noSignals = stackalloc ulong[Libc.SigsetWords];
        new Span<ulong>(noSignals, Libc.SigsetWords).Clear();
        const int setMask = 2;
        // SAFETY: as in PosixSpawn. The mask is a whole sigset_t.
        _ = Libc.pthread_sigmask(setMask, noSignals, null);
        // No child is to have what this program hands on to itself.
        lock (CloseOnExecGate)
        {
            try
            {
                foreach (var file in inherited ?? [])
                    Check("fcntl(F_SETFD)", Syscall.Fcntl(file, SetFlags, 0));
                fixed (byte* path = Terminated(program, "execve"))
                    Check("execve", Syscall.Result(Libc.execve(path, argv.Pointers, envp.Pointers)));
            }
            finally
            {
                foreach (var file in inherited ?? [])
                    _ = Syscall.Fcntl(file, SetFlags, CloseOnExec);
            }
        }
    }

    public void SetCloseOnExec(SafeHandle file) => Check("fcntl(F_SETFD)", Syscall.Fcntl(file, SetFlags, CloseOnExec));

    public void DieWithParent(int signal)
    {
        const int setParentDeathSignal = 1;
        Check("prctl(PR_SET_PDEATHSIG)", Syscall.Result(Libc.prctl(setParentDeathSignal, (ulong)signal, 0, 0, 0)));
    }

    public int Getppid() => Libc.getppid();

    private static int PosixSpawn(
        byte[] program, NativeStrings arguments, NativeStrings environment, List<SafeFileHandle> descriptors, SpawnOptions options)
    {
        var actions = stackalloc byte[Libc.SpawnObjectSize];
        var attributes = stackalloc byte[Libc.SpawnObjectSize];
        var noSignals = stackalloc ulong[Libc.SigsetWords];
        new Span<ulong>(noSignals, Libc.SigsetWords).Clear();
        // SAFETY: both objects have more room than glibc needs and are made before they are used; strings end with a zero byte, lists with
        // a null pointer, and all stay where they are until the call has returned.
        Check("posix_spawn", -Libc.posix_spawn_file_actions_init(actions));
        try
        {
            for (var i = 0; i < descriptors.Count; i++)
                Check("posix_spawn", -Libc.posix_spawn_file_actions_adddup2(actions, (int)descriptors[i].DangerousGetHandle(), i));
            if (options.Extra is { } extra)
            {
                using var fd = new BorrowedFd(extra);
                // To itself, which takes close-on-exec off it in the child.
                Check("posix_spawn", -Libc.posix_spawn_file_actions_adddup2(actions, fd.Number, fd.Number));
            }
            if (!options.Inherits)
                CloseOthers(actions, descriptors.Count);
            Check("posix_spawn", -Libc.posix_spawnattr_init(attributes));
            try
            {
                Check("posix_spawn", -Libc.posix_spawnattr_setsigmask(attributes, noSignals));
                var group = options.NewSession ? SpawnSetSession : options.Inherits ? 0 : SpawnSetProcessGroup;
                Check("posix_spawn", -Libc.posix_spawnattr_setflags(attributes, (short)(group | SpawnSetSignalMask)));
                int pid;
                fixed (byte* path = program)
                    Check("posix_spawn", -Libc.posix_spawn(&pid, path, actions, attributes, arguments.Pointers, environment.Pointers));
                return pid;
            }
            finally
            {
                _ = Libc.posix_spawnattr_destroy(attributes);
            }
        }
        finally
        {
            _ = Libc.posix_spawn_file_actions_destroy(actions);
        }
    }

    /// <summary>
    /// What this process itself was given without close-on-exec, as by a shell, goes no further. A C library too old for this leaves that
    /// to the flag, which all of ours have.
    /// </summary>
    private static void CloseOthers(void* actions, int count)
    {
        const int afterStandardError = 3;
        try
        {
            // SAFETY: the object was made; the call only notes a number in it.
            Check("posix_spawn", -Libc.posix_spawn_file_actions_addclosefrom_np(actions, Math.Max(afterStandardError, count)));
        }
        catch (EntryPointNotFoundException)
        {
        }
    }

    /// <summary>A descriptor for a new child. It cannot be another's: its number is taken until somebody waits for it.</summary>
    private ProcessFd Own(int pid)
    {
        var fd = Syscall.PidfdOpen(pid);
        if (fd >= 0)
            return new ProcessFd((int)fd, pid, _leaked);
        const int kill = 9;
        const int idIsPid = 1;
        _ = LibC.kill(pid, kill);
        try
        {
            Wait(idIsPid, (uint)pid);
        }
        catch (KernelException)
        {
            // It is gone already; what went wrong first is what counts.
        }

        throw new KernelException("pidfd_open", (int)-fd);
    }

    private static ProcessEnd Wait(int idType, uint id)
    {
        Libc.Siginfo info = default;
        // SAFETY: the kernel fills exactly this structure, on this stack frame.
        var target = &info;
        Check("waitid", Uninterrupted(() => Syscall.Result(Libc.waitid(idType, id, target, WaitExited))));
        return info.Code == ChildExited ? new ProcessEnd(info.Status, null) : new ProcessEnd(null, info.Status);
    }
}
