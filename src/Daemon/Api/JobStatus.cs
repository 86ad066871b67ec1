namespace Hostmemd.Api;

/// <summary>Where a job stands: QEMU's states, of which ours uses those from created to paused and from waiting on.</summary>
internal enum JobStatus
{
    Undefined,
    Created,
    Running,
    Paused,
    Ready,
    Standby,
    Waiting,
    Pending,
    Aborting,
    Concluded,
    Null,
}
