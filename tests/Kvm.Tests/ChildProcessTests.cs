using System.Text;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>Starting, hearing and ending a child by the real kernel.</summary>
public class ChildProcessTests
{
    private readonly LinuxKernel _kernel = new();

    [Fact]
    public void A_child_gets_its_arguments_environment_and_descriptors_and_no_other_descriptor()
    {
        // Without close-on-exec, as a descriptor is that a shell gave us.
        using var secret = _kernel.MemfdCreate("secret", MemfdFlags.None);
        Assert.Equal(0, Tmds.Linux.LibC.fcntl(secret.Number, Tmds.Linux.LibC.F_SETFD, 0));

        var (text, end) = Run("/bin/sh", ["sh", "-c", "echo \"$1 $GREETING\"; ls -l /proc/self/fd", "sh", "hello"], ["GREETING=world", "PATH=/bin:/usr/bin"]);

        Assert.StartsWith("hello world\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        Assert.Contains("0 -> /dev/null", text, StringComparison.Ordinal);
        // 0, 1, 2, and the folder that ls reads.
        Assert.Equal(4, text.Split(" -> ").Length - 1);
        Assert.Equal(new ProcessEnd(0, null), end);
    }

    [Fact]
    public void A_child_says_how_it_ended()
    {
        Assert.Equal(new ProcessEnd(3, null), Run("/bin/sh", ["sh", "-c", "exit 3"], []).End);
        Assert.Equal(new ProcessEnd(null, 15), Run("/bin/sh", ["sh", "-c", "kill -TERM $$"], []).End);
    }

    [Fact]
    public void A_child_is_killed_and_cannot_be_waited_for_twice()
    {
        var (ours, theirs) = _kernel.Socketpair();
        using var process = Spawn("/bin/sh", ["sh", "-c", "exec sleep 1000"], [], theirs);
        theirs.Dispose();
        ours.Dispose();

        _kernel.SendSignal(process, 9);

        Assert.Equal(new ProcessEnd(null, 9), _kernel.WaitFor(process));
        Assert.Equal(Errno.ECHILD, Assert.Throws<KernelException>(() => _kernel.WaitFor(process)).Errno);
        Assert.Equal(Errno.ESRCH, Assert.Throws<KernelException>(() => _kernel.SendSignal(process, 9)).Errno);
    }

    [Theory]
    [InlineData("/nowhere/program", Errno.ENOENT)]
    [InlineData("/dev/null", Errno.EACCES)]
    public void A_program_that_cannot_be_started_leaves_no_descriptor(string program, int errno)
    {
        var (ours, theirs) = _kernel.Socketpair();
        using (ours)
        using (theirs)
        {
            Assert.Equal(errno, Assert.Throws<KernelException>(() => Spawn(program, ["x"], [], theirs)).Errno);

            // Other tests open and close at the same time: only copies of this one count.
            var link = _kernel.ReadLink(theirs);
            Assert.Single(Directory.GetFileSystemEntries("/proc/self/fd"), path => new FileInfo(path).LinkTarget == link);
        }
    }

    [Fact]
    public void Descriptors_may_have_the_numbers_that_the_child_is_to_have()
    {
        // Our standard error as its input, and one descriptor twice.
        var (ours, theirs) = _kernel.Socketpair();
        using (ours)
        using (theirs)
        using (var two = new SafeFileHandle(2, ownsHandle: false))
        using (var process = _kernel.Spawn(new SpawnOptions
        {
            Program = "/bin/sh",
            Arguments = ["sh", "-c", "[ /proc/self/fd/0 -ef /proc/$PPID/fd/2 ] && [ /proc/self/fd/2 -ef /proc/self/fd/1 ] && exit 7"],
            Environment = [],
            Descriptors = [two, theirs, theirs],
        }))
        {
            Assert.Equal(new ProcessEnd(7, null), _kernel.WaitFor(process));
        }
    }

    [Fact]
    public void Affinity_and_policy_hold_for_the_calling_thread_and_what_is_not_there_is_refused()
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(() =>
        {
            var cpu = _kernel.GetAffinity(0)[^1];
            _kernel.SetAffinity(0, [cpu]);
            Assert.Equal([cpu], _kernel.GetAffinity(0));
            Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.SetAffinity(0, [4000])).Errno);
            Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.SetAffinity(0, [-1])).Errno);
            _kernel.SetMempolicy(MemoryPolicy.Bind, [0]);
            Assert.Equal(MemoryPolicy.Bind, _kernel.GetTaskMempolicy());
            Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.SetMempolicy(MemoryPolicy.Bind, [63])).Errno);
        }));
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    private (string Text, ProcessEnd End) Run(string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        var (ours, theirs) = _kernel.Socketpair();
        using var channel = ours;
        ProcessFd process;
        using (theirs)
            process = Spawn(program, arguments, environment, theirs);
        using var owned = process;
        var text = new StringBuilder();
        var buffer = new byte[4096];
        int count;
        while ((count = _kernel.Read(channel, buffer)) > 0)
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        return (text.ToString(), _kernel.WaitFor(process));
    }

    private ProcessFd Spawn(string program, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, SafeFileHandle output)
    {
        using var nothing = _kernel.Open("/dev/null", flags: 2, mode: 0);
        return _kernel.Spawn(new SpawnOptions { Program = program, Arguments = arguments, Environment = environment, Descriptors = [nothing, output] });
    }
}
