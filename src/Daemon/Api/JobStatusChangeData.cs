using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class JobStatusChangeData : IQapiType
{
    internal string Id = "";
    internal JobStatus Status;

    public static string TypeName => "JobStatusChangeData";

    public void Visit(Visitor v)
    {
        v.Required("id", ref Id, "the job's id");
        v.Enum("status", ref Status, JobInfo.Statuses, "where it stands now; null: it is gone");
    }
}
