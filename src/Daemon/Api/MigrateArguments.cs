using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MigrateArguments : IQapiType
{
    internal string? Uri;

    public static string TypeName => "MigrateArguments";

    public void Visit(Visitor v) => v.Optional("uri", ref Uri, "a file:PATH, for scripts that know QEMU; nothing is written there, all goes over in the process");
}
