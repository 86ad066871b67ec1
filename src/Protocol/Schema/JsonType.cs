namespace Hostmemd.Protocol.Schema;

internal enum JsonType
{
    String,
    Number,
    Int,
    Boolean,
    Null,
    Object,
    Array,
    Value,
}
