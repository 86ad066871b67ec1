using Hostmemd.Protocol.Schema;

namespace Hostmemd.Keeping;

/// <summary>One line of the record: its head, an object as it is now, what is made for one, or the end of one.</summary>
internal sealed class RecordLine : IQapiType
{
    /// <summary>What a head names; a record of another layout gets another.</summary>
    public const uint CurrentLayout = 1;

    internal uint? Layout;
    internal string? Boot;
    internal KeptObject? Put;
    internal string? Delete;
    internal KeptIntent? Intent;

    public static string TypeName => "RecordLine";

    public void Visit(Visitor v)
    {
        v.Optional("hostmemd-record", ref Layout, "layout of the lines");
        v.Optional("boot", ref Boot, "the boot of the host that it belongs to");
        v.OptionalStruct("put", ref Put, "an object as it is now");
        v.OptionalStruct("intent", ref Intent, "a file was made for an object that may not come to be");
        v.Optional("delete", ref Delete, "the object of that id is gone");
    }
}
