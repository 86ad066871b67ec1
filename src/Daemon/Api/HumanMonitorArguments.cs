using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class HumanMonitorArguments : IQapiType
{
    internal string CommandLine = "";
    internal long? CpuIndex;

    public static string TypeName => "HumanMonitorArguments";

    public void Visit(Visitor v)
    {
        v.Required("command-line", ref CommandLine, "the line, as a person would type it");
        v.Optional("cpu-index", ref CpuIndex, "the CPU it is about; no command here is about one");
    }
}
