using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A measurement of minutes, on published programs and a quiet machine; skipped with the reason unless it is asked for.</summary>
public sealed class SpeedFactAttribute : FactAttribute
{
    public SpeedFactAttribute() => Skip =
        Environment.GetEnvironmentVariable("HOSTMEMD_LONG") != "1" ? "takes minutes; HOSTMEMD_LONG=1 runs it"
        : Environment.GetEnvironmentVariable("HOSTMEMD_WRAPPER") is null || Environment.GetEnvironmentVariable("HOSTMEMD_PROGRAM") is null
            ? "measures published programs, which HOSTMEMD_PROGRAM and HOSTMEMD_WRAPPER name"
        : new QemuFactAttribute { NeedsCpr = true }.Skip;
}
