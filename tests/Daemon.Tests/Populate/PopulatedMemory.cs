using Hostmemd.Populate;

namespace Hostmemd.Daemon.Tests.Populate;

/// <summary>A memfd and its mapping.</summary>
internal sealed class PopulatedMemory : IDisposable
{
    private readonly IKernel _kernel;

    public PopulatedMemory(IKernel kernel, ulong size)
    {
        _kernel = kernel;
        File = kernel.MemfdCreate("populated", MemfdFlags.None);
        kernel.Ftruncate(File, size);
        Mapped = MappedMemory.Create(kernel, new MappingOptions { Size = size, File = File, Shared = true });
    }

    public Memfd File { get; }

    public MappedMemory Mapped { get; }

    public PopulateRequest Request => PopulateRequest.All(Mapped, threads: 1);

    /// <summary>Bytes for which the file has pages.</summary>
    public ulong Populated => _kernel.Fstat(File).Blocks * 512;

    public void Dispose()
    {
        Mapped.Dispose();
        File.Dispose();
    }
}
