using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class UuidInfo : IQapiType
{
    internal string Uuid = "";

    public static string TypeName => "UuidInfo";

    public void Visit(Visitor v) => v.Required("UUID", ref Uuid, "the guest's UUID; all zeros where -uuid gave none");
}
