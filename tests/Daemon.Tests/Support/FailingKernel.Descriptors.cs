using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Hostmemd.Daemon.Tests.Support;

internal sealed partial class FailingKernel
{
    /// <summary>The limit of open files that it tells of; the real one's when not set.</summary>
    public ResourceLimit? OpenFiles { get; init; }

    public ResourceLimit GetRlimit(ResourceKind kind) => kind == ResourceKind.OpenFiles && OpenFiles is { } limit ? limit : Next().GetRlimit(kind);

    public int GetFileFlags(SafeHandle file) => Next().GetFileFlags(file);

    /// <summary>How large the table of descriptors was made, in order.</summary>
    public ConcurrentQueue<ulong> TableSizes { get; } = [];

    /// <summary>Beside the commands: no call of theirs.</summary>
    public void GrowDescriptorTable(ulong descriptors)
    {
        real.GrowDescriptorTable(descriptors);
        TableSizes.Enqueue(descriptors);
    }
}
