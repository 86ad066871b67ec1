using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryBackendProgressData : IQapiType
{
    internal string JobId = "";
    internal string Memdev = "";
    internal long CurrentProgress;
    internal long TotalProgress;

    public static string TypeName => "MemoryBackendProgressData";

    public void Visit(Visitor v)
    {
        v.Required("job-id", ref JobId, "the job");
        v.Required("memdev", ref Memdev, "QOM path of the backend");
        v.Required("current-progress", ref CurrentProgress, "bytes that are done");
        v.Required("total-progress", ref TotalProgress, "bytes in all");
    }
}
