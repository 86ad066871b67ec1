using Hostmemd.Api;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Jobs;

/// <summary>The error texts of jobs. Equal to QEMU 11.1.3's but for those marked as ours.</summary>
internal static class JobErrors
{
    /// <summary>JobInfo.error of a job that was cancelled.</summary>
    public const string Canceled = "Operation canceled";

    public static QmpException NotFound() => new("Job not found");

    public static QmpException InvalidId(string id) => new($"Invalid job ID '{id}'");

    public static QmpException IdInUse(string id) => new($"Job ID '{id}' already in use");

    public static QmpException NotInState(string id, JobStatus status, JobVerb verb) =>
        new($"Job '{id}' in state '{JobInfo.Statuses.NameOf(status)}' cannot accept command verb '{NameOf(verb)}'");

    public static QmpException AlreadyPaused() => new("Job is already paused");

    public static QmpException NotPaused() => new("Can't resume a job that was not paused");

    /// <summary>Ours.</summary>
    public static QmpException TooMany(int limit) => new($"There are {limit} jobs, which is the limit; dismiss one that has concluded");

    /// <summary>Ours.</summary>
    public static QmpException GuestEnds() => new("the daemon ends");

    /// <summary>Ours.</summary>
    public static QmpException NotAligned(string parameter, ulong page) => new($"Parameter '{parameter}' expects a multiple of the page size {page}");

    /// <summary>Ours.</summary>
    public static QmpException OutOfRange(string parameter, ulong least, ulong most) =>
        new($"Parameter '{parameter}' expects a value from {least} to {most}");

    private static string NameOf(JobVerb verb) => verb switch
    {
        JobVerb.Cancel => "cancel",
        JobVerb.Pause => "pause",
        JobVerb.Resume => "resume",
        _ => "dismiss",
    };
}
