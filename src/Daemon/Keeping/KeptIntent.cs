using Hostmemd.Protocol.Schema;

namespace Hostmemd.Keeping;

/// <summary>A new file that a command has made which is not answered yet: without its object it is to go again.</summary>
internal sealed class KeptIntent : IQapiType
{
    internal string Id = "";
    internal string Path = "";
    internal ulong Device;
    internal ulong Inode;

    public static string TypeName => "KeptIntent";

    public void Visit(Visitor v)
    {
        v.Required("id", ref Id, "the object that it is for");
        v.Required("path", ref Path, "the file");
        v.Required("device", ref Device, "st_dev");
        v.Required("inode", ref Inode, "st_ino");
    }
}
