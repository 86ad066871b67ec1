using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Allocation;

/// <summary>Gives a new memfd or shared memory object its size.</summary>
internal static class FileSize
{
    /// <param name="what">What kind of file it is, for the error.</param>
    /// <exception cref="QmpException">The kernel refuses, or the size is no whole number of pages.</exception>
    public static void Set(IKernel kernel, SafeHandle file, string id, ulong size, string what, bool isHugetlb = false)
    {
        try
        {
            kernel.Ftruncate(file, size);
        }
        catch (KernelException e)
        {
            throw ObjectErrors.ResizeFailed(what, size, Errno.Text(e.Errno));
        }
        var needed = BackendRules.RoundUpToPage(size);
        if (needed != size && !isHugetlb)
            throw ObjectErrors.StoreTooSmall(id, size, needed, 0);
    }
}
