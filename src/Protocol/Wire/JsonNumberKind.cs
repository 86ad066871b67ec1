namespace Hostmemd.Protocol.Wire;

/// <summary>How a number is kept.</summary>
public enum JsonNumberKind
{
    Int64,
    UInt64,
    Double,
}
