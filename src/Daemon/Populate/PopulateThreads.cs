namespace Hostmemd.Populate;

/// <summary>How many threads populate: QEMU's rule.</summary>
internal static class PopulateThreads
{
    private const ulong BytesEach = 64 << 20;

    /// <summary>At most what is asked for, one for each whole 64 MiB, and one for each CPU; never none. Seen in QEMU 11.1.3.</summary>
    public static int For(ulong length, uint asked, int cpus) => (int)Math.Max(1, Math.Min(Math.Min(asked, (ulong)cpus), length / BytesEach));
}
