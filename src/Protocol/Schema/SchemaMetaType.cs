namespace Hostmemd.Protocol.Schema;

internal enum SchemaMetaType
{
    Builtin,
    Enum,
    Array,
    Object,
    Alternate,
    Command,
    Event,
}
