using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Objects.Allocation;

namespace Hostmemd.Usage;

/// <summary>Which parts of a backend hold something: reading the others would allocate pages that nobody has touched.</summary>
/// <remarks>On a thread that may wait. The backend is held meanwhile.</remarks>
internal static class BackendHoles
{
    private const ulong Piece = 4 << 20;

    /// <summary>The parts that may hold something, rising; all of it where nobody can tell.</summary>
    /// <exception cref="KernelException">The file cannot be asked.</exception>
    public static IEnumerable<(ulong Offset, ulong Size)> DataIn(IKernel kernel, MemoryBackend backend, ulong offset, ulong size)
    {
        if (backend.IsGuestMemfd)
            return Present(kernel, backend, offset, size);
        return backend.File is { } file && backend.Memory.Options.Shared && Tells(kernel, file, backend.Memory.Options.Offset)
            ? Data(kernel, file, backend.Memory.Options.Offset, offset, size)
            : [(offset, size)];
    }

    private static bool Tells(IKernel kernel, BackingFile file, ulong at)
    {
        try
        {
            kernel.SeekData(file.Handle, at);
            return true;
        }
        catch (KernelException e) when (e.Errno is Errno.EINVAL or Errno.ESPIPE)
        {
            return false;
        }
    }

    private static IEnumerable<(ulong Offset, ulong Size)> Data(IKernel kernel, BackingFile file, ulong start, ulong offset, ulong size)
    {
        var end = start + offset + size;
        for (var at = start + offset; at < end;)
        {
            // Behind the end of a file that was cut off there is no data either; reading tells that it is gone.
            if (kernel.SeekData(file.Handle, at) is not { } data)
            {
                var length = kernel.Fstat(file.Handle).Size;
                if (length < end)
                    yield return (Math.Max(at, length) - start, end - Math.Max(at, length));
                yield break;
            }
            if (data >= end)
                yield break;
            var hole = Math.Min(kernel.SeekHole(file.Handle, data), end);
            yield return (data - start, hole - data);
            at = hole;
        }
    }

    /// <summary>Memory that is never swapped: what is not there is a hole.</summary>
    private static IEnumerable<(ulong Offset, ulong Size)> Present(IKernel kernel, MemoryBackend backend, ulong offset, ulong size)
    {
        const ulong page = MappedMemory.PageSize;
        var pages = new byte[Piece / page];
        var end = offset + size;
        for (var at = offset & ~(page - 1); at < end; at += Piece)
        {
            var length = Math.Min(Piece, backend.Memory.Size - at);
            kernel.Mincore(backend.Memory.Address.Add(at), length, pages);
            for (ulong first = 0; first < length / page;)
            {
                var there = (pages[first] & 1) != 0;
                var next = first;
                while (next < length / page && ((pages[next] & 1) != 0) == there)
                    next++;
                var (from, to) = (Math.Max(offset, at + (first * page)), Math.Min(end, at + (next * page)));
                if (there && from < to)
                    yield return (from, to - from);
                first = next;
            }
        }
    }
}
