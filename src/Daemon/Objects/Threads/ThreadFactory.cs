using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Threads;

/// <summary>Makes iothreads and thread-contexts.</summary>
internal static class ThreadFactory
{
    /// <summary>An object that nobody knows of yet, its id claimed: the caller publishes it.</summary>
    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static async Task<PublishedThread> CreateAsync(Guest guest, ObjectOptions options)
    {
        var iothread = options.QomType == ObjectType.Iothread ? options.Iothread : null;
        if (iothread is not null)
            IothreadRules.Check(iothread);
        var cpus = iothread is null ? CpusOf(guest, options.ThreadContext) : null;
        guest.ClaimObjectId(options.Id);
        ParkedThread? thread = null;
        try
        {
            if (iothread is not null)
                IothreadRules.CheckTogether(iothread);
            thread = await StartAsync(guest, options).ConfigureAwait(false);
            if (cpus is not null)
                ThreadAffinity.Bind(guest.Kernel, thread.Tid, cpus);
            iothread?.FillDefaults();
            return new PublishedThread(new ThreadObject(options.Id, options.QomType, thread), iothread);
        }
        catch
        {
            thread?.Dispose();
            guest.ReleaseObjectId(options.Id);
            throw;
        }
    }

    private static async Task<ParkedThread> StartAsync(Guest guest, ObjectOptions options)
    {
        try
        {
            return await ParkedThread.StartAsync(guest.Kernel, options.Id).ConfigureAwait(false);
        }
        catch (OutOfMemoryException)
        {
            throw new QmpException($"cannot start a thread for '{options.Id}', the host has no more");
        }
        catch (KernelException e)
        {
            throw new QmpException($"cannot start a thread for '{options.Id}': {Errno.Text(e.Errno)}");
        }
    }

    /// <returns>null: wherever the daemon runs.</returns>
    private static int[]? CpusOf(Guest guest, ThreadContextProperties properties) => properties switch
    {
        { CpuAffinity: not null, NodeAffinity: not null } => throw new QmpException("Mixing CPU and node affinity not supported"),
        { CpuAffinity: { } cpus } => ThreadAffinity.FromCpus(cpus),
        { NodeAffinity: { } nodes } => ThreadAffinity.FromNodes(guest.Kernel, nodes),
        _ => null,
    };
}
