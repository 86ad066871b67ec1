using System.Buffers;

namespace Hostmemd.Protocol.Wire;

/// <summary>The bytes of a token that is too long to be copied about; nothing changes them any more.</summary>
internal sealed class LargeToken(ReadOnlySequence<byte> bytes)
{
    public ReadOnlySequence<byte> Bytes { get; } = bytes;
}
