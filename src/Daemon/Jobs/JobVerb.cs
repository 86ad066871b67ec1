namespace Hostmemd.Jobs;

/// <summary>What can be asked of a job.</summary>
internal enum JobVerb
{
    Cancel,
    Pause,
    Resume,
    Dismiss,
}
