using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class YankInstance : IQapiType
{
    public static readonly EnumTable<YankInstanceType> Types = new(
        "YankInstanceType",
        (YankInstanceType.BlockNode, "block-node"),
        (YankInstanceType.Chardev, "chardev"),
        (YankInstanceType.Migration, "migration"));

    internal YankInstanceType Type;
    internal YankBlockNode BlockNode = new();
    internal YankChardev Chardev = new();

    public static string TypeName => "YankInstance";

    public void Visit(Visitor v)
    {
        v.Enum("type", ref Type, Types, "what kind of instance");
        v.Branch("type", "block-node", Type == YankInstanceType.BlockNode, ref BlockNode);
        v.Branch("type", "chardev", Type == YankInstanceType.Chardev, ref Chardev);
        v.EmptyBranch("type", "migration");
    }
}
