using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

public sealed unsafe partial class LinuxKernel
{
    private const uint UffdioApi = 0xc018aa3f; // _IOWR(UFFDIO, 0x3f, struct uffdio_api)
    private const uint UffdioRegister = 0xc020aa00; // _IOWR(UFFDIO, 0x00, struct uffdio_register)
    private const uint UffdioCopy = 0xc028aa03; // _IOWR(UFFDIO, 0x03, struct uffdio_copy)
    private const uint UffdioWriteProtect = 0xc018aa06; // _IOWR(UFFDIO, 0x06, struct uffdio_writeprotect)
    private const uint UffdioContinue = 0xc020aa07; // _IOWR(UFFDIO, 0x07, struct uffdio_continue)
    private const ulong UffdApi = 0xaa;
    private const int UserfaultfdFlags = OpenCloseOnExec | OpenFlags.NonBlocking | 1; // UFFD_USER_MODE_ONLY

    public SafeFileHandle CreateUserfaultfd(UserfaultfdFeatures features)
    {
        var file = File(Check("userfaultfd", Native.Syscall.Userfaultfd(UserfaultfdFlags)));
        try
        {
            // struct uffdio_api: api, features, ioctls.
            var argument = stackalloc ulong[3] { UffdApi, (ulong)features, 0 };
            // SAFETY: as long as the kernel's structure, on this stack frame.
            Ioctl(file, UffdioApi, "UFFDIO_API", argument);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void UserfaultfdRegister(SafeHandle userfaultfd, HostAddress start, ulong length, UserfaultfdMode mode)
    {
        // struct uffdio_register: start, length, mode, ioctls.
        var argument = stackalloc ulong[4] { start.Value, length, (ulong)mode, 0 };
        // SAFETY: as long as the kernel's structure, on this stack frame.
        Ioctl(userfaultfd, UffdioRegister, "UFFDIO_REGISTER", argument);
    }

    public void UserfaultfdCopy(SafeHandle userfaultfd, HostAddress target, ReadOnlySpan<byte> page)
    {
        fixed (byte* source = page)
        {
            // struct uffdio_copy: target, source, length, mode, copied.
            var argument = stackalloc ulong[5] { target.Value, (ulong)source, (ulong)page.Length, 0, 0 };
            // SAFETY: as long as the kernel's structure, on this stack frame; the source is pinned during the call.
            Ioctl(userfaultfd, UffdioCopy, "UFFDIO_COPY", argument);
        }
    }

    public void UserfaultfdContinue(SafeHandle userfaultfd, HostAddress start, ulong length)
    {
        // struct uffdio_continue: start, length, mode, mapped.
        var argument = stackalloc ulong[4] { start.Value, length, 0, 0 };
        // SAFETY: as long as the kernel's structure, on this stack frame.
        Ioctl(userfaultfd, UffdioContinue, "UFFDIO_CONTINUE", argument);
    }

    public void UserfaultfdWriteProtect(SafeHandle userfaultfd, HostAddress start, ulong length, bool on)
    {
        // struct uffdio_writeprotect: start, length, mode.
        var argument = stackalloc ulong[3] { start.Value, length, on ? 1UL : 0 };
        // SAFETY: as long as the kernel's structure, on this stack frame.
        Ioctl(userfaultfd, UffdioWriteProtect, "UFFDIO_WRITEPROTECT", argument);
    }
}
