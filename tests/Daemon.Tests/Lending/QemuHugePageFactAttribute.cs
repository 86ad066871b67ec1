using Hostmemd.Daemon.Tests.Objects;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A test with a real QEMU that also changes the machine's pool of huge pages; skipped with the reason where one cannot be had.</summary>
public sealed class QemuHugePageFactAttribute : FactAttribute
{
    private readonly bool _needsCpr;

    /// <summary>Needs QEMU 11.1, and guest_memfd.</summary>
    public bool NeedsCpr
    {
        get => _needsCpr;
        init
        {
            _needsCpr = value;
            Skip = HugePagePoolFixture.WhyNot() ?? new QemuFactAttribute { NeedsCpr = value }.Skip;
        }
    }

    public QemuHugePageFactAttribute() => Skip = HugePagePoolFixture.WhyNot() ?? new QemuFactAttribute().Skip;
}
