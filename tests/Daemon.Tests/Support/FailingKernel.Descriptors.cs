using System.Runtime.InteropServices;

namespace Hostmemd.Daemon.Tests.Support;

internal sealed partial class FailingKernel
{
    /// <summary>The limit of open files that it tells of; the real one's when not set.</summary>
    public ResourceLimit? OpenFiles { get; init; }

    public ResourceLimit GetRlimit(ResourceKind kind) => kind == ResourceKind.OpenFiles && OpenFiles is { } limit ? limit : Next().GetRlimit(kind);

    public int GetFileFlags(SafeHandle file) => Next().GetFileFlags(file);
}
