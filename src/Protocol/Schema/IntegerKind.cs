namespace Hostmemd.Protocol.Schema;

/// <summary>The integer types of QAPI that differ in range or in the words of their errors. All are "int" in the schema.</summary>
public enum IntegerKind
{
    /// <summary>Bytes. Negative integers are taken modulo 2^64, as QEMU does.</summary>
    Size,
    UInt64,
    UInt32,
    UInt16,
    Int64,
}
