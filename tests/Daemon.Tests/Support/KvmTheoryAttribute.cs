using Xunit;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>A theory that needs the real kernel; skipped with the same reason as a <see cref="KvmFactAttribute"/>.</summary>
public sealed class KvmTheoryAttribute : TheoryAttribute
{
    public KvmTheoryAttribute() => Skip = new KvmFactAttribute().Skip;
}
