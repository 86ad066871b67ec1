using System.Buffers;

namespace Hostmemd.Protocol.Wire;

/// <summary>Bytes of a message that are too many to be copied about; nothing changes them any more.</summary>
internal sealed class LargeBytes(in ReadOnlySequence<byte> bytes)
{
    public ReadOnlySequence<byte> Bytes { get; } = bytes;
}
