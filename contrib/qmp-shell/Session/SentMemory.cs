using Hostmemd.Kvm;
using Hostmemd.Protocol.Wire;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QmpShell.Session;

/// <summary>Writes the memory behind a descriptor that memory-backend-send-fd sent to a file, with holes where it is zero.</summary>
internal static class SentMemory
{
    private const int Chunk = 1 << 20;

    /// <param name="descriptor">What came with the reply.</param>
    /// <param name="reply">MemoryBackendFd: where in the descriptor the memory is.</param>
    /// <exception cref="KernelException">The memory cannot be read.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static async Task WriteAsync(SafeFileHandle descriptor, JsonObject reply, string path, CancellationToken cancellationToken)
    {
        ulong offset = (reply["offset"] as JsonNumber)?.UInt64 ?? 0;
        ulong size = (reply["size"] as JsonNumber)?.UInt64 ?? 0;
        await Task.Run(() => Write(new LinuxKernel(), descriptor, offset, size, path, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    private static void Write(IKernel kernel, SafeFileHandle memory, ulong offset, ulong size, string path, CancellationToken cancellationToken)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        byte[] buffer = new byte[Chunk];
        for (ulong done = 0; done < size; done += Chunk)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<byte> chunk = buffer.AsSpan(0, (int)Math.Min(Chunk, size - done));
            Read(kernel, memory, checked(offset + done), chunk);
            if (chunk.ContainsAnyExcept((byte)0))
                RandomAccess.Write(file, chunk, (long)done);
        }

        RandomAccess.SetLength(file, (long)size);
    }

    private static void Read(IKernel kernel, SafeFileHandle memory, ulong offset, Span<byte> target)
    {
        try
        {
            while (!target.IsEmpty)
            {
                int count = kernel.Pread(memory, target, offset);
                if (count == 0)
                    throw new IOException("the memory is shorter than its backend");
                offset += (ulong)count;
                target = target[count..];
            }
        }
        catch (KernelException e) when (e.Errno is Errno.EINVAL or Errno.ESPIPE or Errno.ENODEV)
        {
            // guest_memfd knows no read. A mapping does, and the kernel copies from it: a page that cannot be had is an error, no SIGBUS.
            HostAddress address = kernel.Mmap(default, (ulong)target.Length, MemoryProtection.Read, MapFlags.Shared, memory, offset);
            try
            {
                kernel.ReadMemory(address, target);
            }
            finally
            {
                kernel.Munmap(address, (ulong)target.Length);
            }
        }
    }
}
