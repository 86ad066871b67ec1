using System.Runtime.InteropServices;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    private const int GetFlagsCommand = 3;

    public int GetFileFlags(SafeHandle file) => (int)Check("fcntl(F_GETFL)", Syscall.Fcntl(file, GetFlagsCommand, 0));
}
