using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm;

/// <summary>The real kernel. One instance per process: it holds the lock that keeps new descriptors out of new processes.</summary>
/// <remarks>Split as <see cref="IKernel"/>: this file has what all parts share, errors and EINTR.</remarks>
public sealed unsafe partial class LinuxKernel : IKernel
{
    private readonly Action<string>? _leaked;

    /// <summary>Stores; calls nothing.</summary>
    /// <param name="leaked">Told when a descriptor of a VM or of guest memory was collected unclosed; on the finalizer's thread.</param>
    public LinuxKernel(Action<string>? leaked = null) => _leaked = leaked;

    /// <summary>Runs a call again as long as a signal interrupts it.</summary>
    private static nint Uninterrupted(Func<nint> call) => Uninterrupted(call, static call => call());

    /// <summary>The same for calls of every command: nothing is allocated, as the call takes its arguments and captures none.</summary>
    private static nint Uninterrupted<T>(T arguments, Func<T, nint> call)
    {
        nint result;
        do
            result = call(arguments);
        while (result == -Errno.EINTR);
        return result;
    }

    private static nint Check(string call, nint result) =>
        result < 0 && result >= -4095 ? throw new KernelException(call, (int)-result) : result;

    /// <summary>A name for the kernel. A zero byte inside would cut it there, and another file would be meant.</summary>
    private static byte[] Terminated(string name, string call)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return name.Contains('\0', StringComparison.Ordinal)
            ? throw new KernelException(call, Errno.EINVAL)
            : Encoding.UTF8.GetBytes(name + '\0');
    }

    private static nint Ioctl(SafeHandle handle, uint request, string name, void* argument)
    {
        var result = Uninterrupted(
            (handle, request, Argument: (nint)argument), static call => Syscall.Ioctl(call.handle, call.request, (void*)call.Argument));
        return result < 0 ? Check($"ioctl({name})", result) : result;
    }

    private static SafeFileHandle File(nint fd) => new(fd, ownsHandle: true);
}
