using Hostmemd.Kvm;
using Microsoft.Win32.SafeHandles;
using Serilog;

namespace Hostmemd.Objects.Allocation;

/// <summary>A file whose name is gone as soon as it is there: its pages are free when nobody has it open or mapped.</summary>
internal static class NamelessFile
{
    /// <param name="path">A name that nobody has.</param>
    /// <param name="mode">Permissions for the moment in which it has a name.</param>
    /// <exception cref="KernelException">EEXIST: somebody has that name. Else it cannot be made, and nothing is left of it.</exception>
    public static SafeFileHandle Create(IKernel kernel, string path, uint mode, ILogger log)
    {
        var file = kernel.Open(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive, mode);
        try
        {
            kernel.Unlink(path);
            return file;
        }
        catch
        {
            // Tries once more to remove it.
            new OpenedFile(kernel, file, default, path).Undo(log);
            throw;
        }
    }
}
