using Hostmemd.Api;
using Hostmemd.Jobs;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Guests;

/// <summary>A job and where it stands. How far it is, it says itself.</summary>
/// <param name="Error">Why it failed; null while it goes on, and when all went well.</param>
internal sealed record PublishedJob(PreallocJob Job, JobStatus Status, string? Error = null)
{
    public JobInfo ToInfo() => new()
    {
        Id = Job.Id,
        Type = JobType.MemoryPrealloc,
        Status = Status,
        CurrentProgress = (long)Job.Done,
        TotalProgress = (long)Job.Length,
        Error = Error,
    };

    /// <summary>Whether the job takes a verb where it stands (seen in QEMU 11.1.3).</summary>
    /// <exception cref="QmpException">It does not.</exception>
    public void Check(JobVerb verb)
    {
        var takes = verb == JobVerb.Dismiss ? Status == JobStatus.Concluded : Status is JobStatus.Running or JobStatus.Paused;
        if (!takes)
            throw JobErrors.NotInState(Job.Id, Status, verb);
    }
}
