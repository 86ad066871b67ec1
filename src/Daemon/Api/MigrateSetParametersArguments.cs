using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MigrateSetParametersArguments : IQapiType
{
    public static readonly EnumTable<MigrationMode> Modes = new(
        "MigMode",
        (MigrationMode.Normal, "normal"),
        (MigrationMode.CprReboot, "cpr-reboot"),
        (MigrationMode.CprTransfer, "cpr-transfer"),
        (MigrationMode.CprExec, "cpr-exec"));

    internal MigrationMode? Mode;
    internal List<string>? Command;

    public static string TypeName => "MigrateSetParameters";

    public void Visit(Visitor v)
    {
        v.OptionalEnum("mode", ref Mode, Modes, "what migrate does: cpr-exec; normal, in which there is nothing to be done here, until it is set");
        v.OptionalList("cpr-exec-command", ref Command, Shapes.Text, "the program to go on as and its arguments; the first is looked for in PATH");
    }
}
