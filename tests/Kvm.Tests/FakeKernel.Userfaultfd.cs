using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm.Tests;

/// <remarks>This kernel was built without userfaultfd.</remarks>
public sealed partial class FakeKernel
{
    public SafeFileHandle CreateUserfaultfd(UserfaultfdFeatures features) => throw NoUserfaultfd();

    public void UserfaultfdRegister(SafeHandle userfaultfd, HostAddress start, ulong length, UserfaultfdMode mode) => throw NoUserfaultfd();

    public void UserfaultfdCopy(SafeHandle userfaultfd, HostAddress target, ReadOnlySpan<byte> page) => throw NoUserfaultfd();

    public void UserfaultfdContinue(SafeHandle userfaultfd, HostAddress start, ulong length) => throw NoUserfaultfd();

    public void UserfaultfdWriteProtect(SafeHandle userfaultfd, HostAddress start, ulong length, bool on) => throw NoUserfaultfd();

    private static KernelException NoUserfaultfd() => new("userfaultfd", Errno.ENOSYS);
}
