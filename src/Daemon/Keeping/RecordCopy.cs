using System.Buffers;
using Hostmemd.Kvm;

namespace Hostmemd.Keeping;

/// <summary>
/// A record without history, which is written beside the one that counts while that one goes on. One thread adds to it what there was when it
/// was begun; what changes since is told to it by the record's owner.
/// </summary>
/// <param name="file">Empty; owned.</param>
internal sealed class RecordCopy(LineFile file) : IDisposable
{
    /// <summary>Bytes that are written at once.</summary>
    private const int Piece = 64 << 10;

    private readonly ArrayBufferWriter<byte> _lines = new();
    private readonly ArrayBufferWriter<byte> _since = new();

    public LineFile File { get; private set; } = file;

    /// <summary>Adds what was there.</summary>
    /// <exception cref="KernelException">ENOSPC, EIO.</exception>
    /// <exception cref="ObjectDisposedException">It is not wanted any more.</exception>
    public void Add(RecordLine line)
    {
        LineFile.Format(line, _lines);
        if (_lines.WrittenCount >= Piece)
            Flush();
    }

    /// <summary>Lines were written to the record: they come behind all that is added.</summary>
    public void Follow(ReadOnlySpan<byte> lines) => _since.Write(lines);

    /// <summary>All is added: writes it, and what came since behind it.</summary>
    /// <exception cref="KernelException">ENOSPC, EIO.</exception>
    public void Complete()
    {
        Flush();
        File.Append(_since.WrittenSpan);
        _since.ResetWrittenCount();
    }

    /// <summary>Gives its file for another, which it closes.</summary>
    public LineFile Exchange(LineFile other)
    {
        (var whole, File) = (File, other);
        return whole;
    }

    /// <summary>Closes the file it has.</summary>
    public void Dispose() => File.Dispose();

    private void Flush()
    {
        File.Append(_lines.WrittenSpan);
        _lines.ResetWrittenCount();
    }
}
