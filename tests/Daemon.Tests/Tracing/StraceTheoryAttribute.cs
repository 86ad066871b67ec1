using Xunit;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>A theory that traces the program; skipped with the same reason as a <see cref="StraceFactAttribute"/>.</summary>
public sealed class StraceTheoryAttribute : TheoryAttribute
{
    public StraceTheoryAttribute() => Skip = StraceFactAttribute.Missing;
}
