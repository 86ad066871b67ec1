using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;
using Hostmemd.Usage;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Commands;

/// <summary>Guest memory into a file.</summary>
internal static class SaveCommands
{
    private const int Chunk = 1 << 20;
    private const uint FileTypeMask = 0xf000;
    private const uint RegularFile = 0x8000;

    /// <summary>
    /// pmemsave, as slow work. What is not memory, and memory that nobody has touched, becomes a hole of the file, which reads as zeroes: as
    /// QEMU 11.1.3 writes it. Nothing is dereferenced, so that memory whose file was cut off is an error and no more.
    /// </summary>
    public static async ValueTask<Nothing> PmemsaveAsync(Client client, PmemsaveArguments arguments)
    {
        if (arguments.Size < 0)
            throw ProtocolErrors.Expects("size", "a number of bytes that is not negative");
        var guest = client.Guest;
        await guest.SlowWork.RunAsync(client.Work, () => Save(guest, (ulong)arguments.Val, (ulong)arguments.Size, arguments.Filename)).ConfigureAwait(false);
        return Nothing.Value;
    }

    private static void Save(Guest guest, ulong addr, ulong size, string path)
    {
        using var file = Open(guest.Kernel, path);
        if ((guest.Kernel.Fstat(file).Mode & FileTypeMask) != RegularFile)
            throw new QmpException($"writing memory to '{path}' failed: it is not a regular file, which alone can have holes");
        if (size == 0)
            return;
        foreach (var range in guest.State.MemoryIn(addr, size))
            range.Backend.WhileHeld(() => Save(guest.Kernel, range, addr, file, path));
        Write(path, () => guest.Kernel.Ftruncate(file, size));
    }

    private static SafeFileHandle Open(IKernel kernel, string path)
    {
        const int flags = OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Truncate | OpenFlags.NoTerminal | OpenFlags.NonBlocking;
        try
        {
            return kernel.Open(path, flags, 0x1B6 /* 0666, and what umask leaves of it */);
        }
        catch (KernelException e)
        {
            throw new QmpException($"Could not open '{path}': {Errno.Text(e.Errno)}");
        }
    }

    private static void Save(IKernel kernel, GuestMemoryRange range, ulong start, SafeHandle file, string path)
    {
        var bytes = new byte[Chunk];
        foreach (var (offset, size) in BackendHoles.DataIn(kernel, range.Backend, range.Offset, range.Size))
            for (ulong done = 0; done < size;)
            {
                var part = bytes.AsSpan(0, (int)Math.Min(Chunk, size - done));
                var gpa = range.Addr + (offset - range.Offset) + done;
                Read(range.Backend, offset + done, part, gpa);
                if (part.ContainsAnyExcept((byte)0))
                    WriteAll(kernel, file, path, bytes.AsMemory(0, part.Length), gpa - start);
                done += (ulong)part.Length;
            }
    }

    private static void Read(MemoryBackend backend, ulong offset, Span<byte> target, ulong gpa)
    {
        try
        {
            backend.Memory.Read(offset, target);
        }
        catch (KernelException e)
        {
            throw new QmpException($"cannot read guest memory at 0x{gpa:x}, in memory backend '{backend.Id}': {Errno.Text(e.Errno)}");
        }
    }

    private static void WriteAll(IKernel kernel, SafeHandle file, string path, ReadOnlyMemory<byte> bytes, ulong at) => Write(path, () =>
    {
        for (var left = bytes; !left.IsEmpty;)
        {
            var written = kernel.Pwrite(file, left.Span, at);
            if (written == 0)
                throw new KernelException("pwrite", Errno.EIO);
            left = left[written..];
            at += (ulong)written;
        }
    });

    private static void Write(string path, Action write)
    {
        try
        {
            write();
        }
        catch (KernelException e)
        {
            throw new QmpException($"writing memory to '{path}' failed: {Errno.Text(e.Errno)}");
        }
    }
}
