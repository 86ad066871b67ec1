using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class YankArguments : IQapiType
{
    internal List<YankInstance> Instances = [];

    public static string TypeName => "YankArguments";

    public void Visit(Visitor v) => v.List("instances", ref Instances, Shapes.Struct, "the instances to recover");
}
