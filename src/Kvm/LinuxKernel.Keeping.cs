using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    public bool TryLock(SafeHandle file)
    {
        const int exclusive = 2;
        const int nonBlocking = 4;
        var result = Uninterrupted(() => Syscall.Flock(file, exclusive | nonBlocking));
        return result != -Errno.EAGAIN && Check("flock", result) == 0;
    }

    public void Rename(string from, string to)
    {
        fixed (byte* source = Terminated(from, "rename"), target = Terminated(to, "rename"))
        {
            // SAFETY: as in Open.
            Check("rename", Syscall.Result(Libc.rename(source, target)));
        }
    }

    public SafeFileHandle TakeDescriptor(ProcessFd process, int number) => File(Check("pidfd_getfd", Syscall.PidfdGetfd(process, number)));
}
