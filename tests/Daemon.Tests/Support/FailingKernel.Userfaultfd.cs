using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Daemon.Tests.Support;

internal sealed partial class FailingKernel
{
    public SafeFileHandle CreateUserfaultfd(UserfaultfdFeatures features) => Next().CreateUserfaultfd(features);

    public void UserfaultfdRegister(SafeHandle userfaultfd, HostAddress start, ulong length, UserfaultfdMode mode) =>
        Next().UserfaultfdRegister(userfaultfd, start, length, mode);

    public void UserfaultfdCopy(SafeHandle userfaultfd, HostAddress target, ReadOnlySpan<byte> page) => Next().UserfaultfdCopy(userfaultfd, target, page);

    public void UserfaultfdContinue(SafeHandle userfaultfd, HostAddress start, ulong length) => Next().UserfaultfdContinue(userfaultfd, start, length);

    public void UserfaultfdWriteProtect(SafeHandle userfaultfd, HostAddress start, ulong length, bool on) =>
        Next().UserfaultfdWriteProtect(userfaultfd, start, length, on);
}
