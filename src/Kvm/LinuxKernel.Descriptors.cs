using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    private const int GetFlagsCommand = 3;

    public void GrowDescriptorTable(ulong descriptors)
    {
        using var any = EpollCreate();
        using var last = File(Check(
            "fcntl(F_DUPFD_CLOEXEC)", Syscall.Fcntl(any, DuplicateCloseOnExec, (int)Math.Clamp(descriptors, 1, int.MaxValue) - 1)));
    }

    public int GetFileFlags(SafeHandle file) => (int)Check("fcntl(F_GETFL)", Syscall.Fcntl(file, GetFlagsCommand, 0));
}
