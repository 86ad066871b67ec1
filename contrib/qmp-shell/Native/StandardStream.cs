using Hostmemd.Kvm;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QmpShell.Native;

/// <summary>
/// One of the three descriptors every process has, by read(2) and write(2) alone. .NET's console would change a terminal's modes and send it
/// sequences; a FileStream would write to a file at places of its own counting, over what others write there.
/// </summary>
internal sealed class StandardStream(int descriptor) : Stream
{
    public const int Input = 0;
    public const int Output = 1;
    public const int Error = 2;

    private readonly LinuxKernel _kernel = new();
    private readonly SafeFileHandle _handle = new(descriptor, ownsHandle: false);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Writes a line to the standard error.</summary>
    public static void Complain(string text)
    {
        using var error = new StandardStream(Error);
        error.Write(System.Text.Encoding.UTF8.GetBytes(text + "\n"));
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <exception cref="IOException">The terminal hung up.</exception>
    public override int Read(Span<byte> buffer)
    {
        try
        {
            return _kernel.Read(_handle, buffer);
        }
        catch (KernelException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <exception cref="IOException">Nobody reads any more.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            while (!buffer.IsEmpty)
                buffer = buffer[_kernel.Write(_handle, buffer)..];
        }
        catch (KernelException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
