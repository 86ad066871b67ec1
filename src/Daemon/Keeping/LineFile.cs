using System.Buffers;
using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Keeping;

/// <summary>A file of lines, each a value of JSON, which grows at its end. Not safe for several threads.</summary>
/// <param name="handle">Owned.</param>
/// <param name="length">What it has already.</param>
internal sealed class LineFile(IKernel kernel, SafeHandle handle, ulong length = 0) : IDisposable
{
    public SafeHandle Handle => handle;

    /// <summary>Bytes.</summary>
    public ulong Length { get; private set; } = length;

    /// <summary>Puts a line behind others that are not written yet.</summary>
    public static void Format(IQapiType line, IBufferWriter<byte> lines)
    {
        OutputVisitor.Write(line, lines);
        lines.Write("\n"u8);
    }

    /// <exception cref="KernelException">ENOSPC, EIO: they may be there in part.</exception>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public void Append(ReadOnlySpan<byte> lines)
    {
        // A full file system takes a part first.
        for (var at = 0; at < lines.Length;)
        {
            var count = kernel.Pwrite(handle, lines[at..], Length + (ulong)at);
            if (count == 0)
                throw new KernelException("pwrite", Errno.EIO);
            at += count;
        }
        Length += (ulong)lines.Length;
    }

    /// <exception cref="KernelException">EIO.</exception>
    public void Empty()
    {
        kernel.Ftruncate(handle, 0);
        Length = 0;
    }

    public void Dispose() => handle.Dispose();
}
