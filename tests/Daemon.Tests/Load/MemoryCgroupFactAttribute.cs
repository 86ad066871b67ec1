using Xunit;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>A test that puts the daemon into a memory control group; skipped with the reason where none can be made.</summary>
public sealed class MemoryCgroupFactAttribute : FactAttribute
{
    public MemoryCgroupFactAttribute() => Skip = MemoryCgroup.Obstacle;
}
