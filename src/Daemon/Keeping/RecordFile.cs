using System.Buffers;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>A file of lines, which grows at its end. Not safe for several threads.</summary>
/// <param name="handle">Owned.</param>
/// <param name="length">What it has already.</param>
internal sealed class RecordFile(IKernel kernel, SafeFileHandle handle, long length) : IDisposable
{
    public SafeFileHandle Handle => handle;

    /// <summary>Bytes.</summary>
    public long Length { get; private set; } = length;

    /// <summary>Puts a line behind others that are not written yet.</summary>
    public static void Format(RecordLine line, IBufferWriter<byte> lines)
    {
        var writer = new JsonWriter(lines);
        writer.BeginObject();
        line.Visit(new OutputVisitor(writer));
        writer.EndObject();
        lines.Write("\n"u8);
    }

    /// <exception cref="KernelException">ENOSPC, EIO: they may be there in part.</exception>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public void Append(ReadOnlySpan<byte> lines)
    {
        // A full file system takes a part first.
        for (var at = 0; at < lines.Length;)
        {
            var count = kernel.Pwrite(handle, lines[at..], (ulong)(Length + at));
            if (count == 0)
                throw new KernelException("pwrite", Errno.EIO);
            at += count;
        }
        Length += lines.Length;
    }

    /// <exception cref="KernelException">EIO.</exception>
    public void Empty()
    {
        kernel.Ftruncate(handle, 0);
        Length = 0;
    }

    public void Dispose() => handle.Dispose();
}
