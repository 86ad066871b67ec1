using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Populate;

/// <summary>What a client is told when memory could not be populated: QEMU 11.1.3's text first, what only we know behind it.</summary>
internal static class PopulateErrors
{
    /// <summary>A system call failed, here or in the helper process.</summary>
    public static QmpException Failed(PopulateStep step, int errno) => step switch
    {
        PopulateStep.Affinity => new($"Setting CPU affinity failed: {Errno.Text(errno)}"),
        PopulateStep.Policy => ObjectErrors.BindFailed(Errno.Text(errno)),
        PopulateStep.Map => ObjectErrors.MapFailed(Errno.Text(errno)),
        // QEMU touches every page instead, which ends a process where there is none to be had.
        _ when errno == Errno.EINVAL => ObjectErrors.PreallocFailed($"{Errno.Text(errno)}; it needs Linux 5.14 or later, else use 'prealloc=off'"),
        _ => ObjectErrors.PreallocFailed(Errno.Text(errno)),
    };

    /// <summary>Ours: the helper process could not be started.</summary>
    public static QmpException NotStarted(int errno) =>
        ObjectErrors.PreallocFailed($"{Errno.Text(errno)}; the process that populates could not be started");

    /// <summary>Ours.</summary>
    public static QmpException GuestEnds() => ObjectErrors.PreallocFailed("the daemon ends");

    /// <summary>Ours: what was started is no helper process, as when the files of another version are in place.</summary>
    public static QmpException Nonsense() => ObjectErrors.PreallocFailed("the process that populates is not of this version, restart the daemon");

    /// <summary>Ours: somebody ended the helper process, or it ended itself without a word.</summary>
    public static QmpException Ended(ProcessEnd? end)
    {
        const int kill = 9;
        return ObjectErrors.PreallocFailed(end switch
        {
            { Signal: kill } => "the process that populates was killed (signal 9), as happens when the host runs out of memory",
            { Signal: { } signal } => $"the process that populates was ended by signal {signal}",
            { Status: { } status } => $"the process that populates ended with status {status}",
            _ => "the process that populates ended",
        });
    }
}
