using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>A test that changes the machine's pool of huge pages; skipped with the reason where it may not.</summary>
public sealed class HugePageFactAttribute : FactAttribute
{
    public HugePageFactAttribute() => Skip = HugePagePoolFixture.WhyNot();
}
