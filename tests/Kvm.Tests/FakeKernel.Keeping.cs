using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm.Tests;

public sealed partial class FakeKernel
{
    private readonly HashSet<string> _locked = [];

    public bool TryLock(SafeHandle file) => Enter(nameof(TryLock), () => _locked.Add(FileOf(file, "flock").Link));

    public void Rename(string from, string to) => Enter(nameof(Rename), () => Paths.Remove(from) && Paths.Add(to));

    public SafeFileHandle TakeDescriptor(ProcessFd process, int number) => throw new KernelException("pidfd_getfd", Errno.EBADF);
}
