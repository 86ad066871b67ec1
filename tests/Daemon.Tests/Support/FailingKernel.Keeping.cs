using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Daemon.Tests.Support;

internal sealed partial class FailingKernel
{
    public bool TryLock(SafeHandle file) => Next().TryLock(file);

    public void Rename(string from, string to) => Next().Rename(from, to);

    public SafeFileHandle TakeDescriptor(ProcessFd process, int number) => Next().TakeDescriptor(process, number);
}
