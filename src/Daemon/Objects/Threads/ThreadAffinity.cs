using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Threads;

/// <summary>Binds a thread-context's thread to CPUs. Texts as seen in QEMU 11.1.3.</summary>
internal static class ThreadAffinity
{
    /// <exception cref="QmpException">There is none.</exception>
    public static int[] FromCpus(IReadOnlyCollection<ushort> cpus) =>
        cpus.Count > 0 ? [.. cpus.Select(cpu => (int)cpu)] : throw new QmpException("CPU list is empty");

    /// <exception cref="QmpException">The nodes have no CPU.</exception>
    public static int[] FromNodes(IKernel kernel, IReadOnlyCollection<ushort> nodes)
    {
        if (nodes.Count == 0)
            throw new QmpException("Node list is empty");
        var cpus = nodes.SelectMany(node => kernel.GetCpusOfNode(node)).Distinct().ToArray();
        return cpus.Length > 0 ? cpus : throw new QmpException("The nodes select no CPUs");
    }

    /// <summary>The CPUs that the thread may run on now, whoever set them.</summary>
    /// <exception cref="QmpException">The kernel does not tell.</exception>
    public static IReadOnlyList<int> CpusOf(IKernel kernel, int tid)
    {
        try
        {
            return kernel.GetAffinity(tid);
        }
        catch (KernelException e)
        {
            throw new QmpException($"Getting CPU affinity failed: {Errno.Text(e.Errno)}");
        }
    }

    /// <param name="cpus">Those that do not exist do not matter while one does.</param>
    /// <exception cref="QmpException">None of them exists.</exception>
    public static void Bind(IKernel kernel, int tid, int[] cpus)
    {
        try
        {
            kernel.SetAffinity(tid, cpus);
        }
        catch (KernelException e)
        {
            throw new QmpException($"Setting CPU affinity failed: {Errno.Text(e.Errno)}");
        }
    }
}
