using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>One job in query-jobs' answer.</summary>
internal sealed class JobInfo : IQapiType
{
    public static readonly EnumTable<JobType> Types = new("JobType", (JobType.MemoryPrealloc, "memory-prealloc", Features.Hostmemd));

    public static readonly EnumTable<JobStatus> Statuses = new(
        "JobStatus",
        (JobStatus.Undefined, "undefined"),
        (JobStatus.Created, "created"),
        (JobStatus.Running, "running"),
        (JobStatus.Paused, "paused"),
        (JobStatus.Ready, "ready"),
        (JobStatus.Standby, "standby"),
        (JobStatus.Waiting, "waiting"),
        (JobStatus.Pending, "pending"),
        (JobStatus.Aborting, "aborting"),
        (JobStatus.Concluded, "concluded"),
        (JobStatus.Null, "null"));

    internal string Id = "";
    internal JobType Type;
    internal JobStatus Status;
    internal long CurrentProgress;
    internal long TotalProgress;
    internal string? Error;

    public static string TypeName => "JobInfo";

    public void Visit(Visitor v)
    {
        v.Required("id", ref Id, "the job's id");
        v.Enum("type", ref Type, Types, "what it does");
        v.Enum("status", ref Status, Statuses, "where it stands");
        v.Required("current-progress", ref CurrentProgress, "how far it is; of memory-prealloc in bytes");
        v.Required("total-progress", ref TotalProgress, "where it ends");
        v.Optional("error", ref Error, "why it failed, once it has concluded");
    }
}
