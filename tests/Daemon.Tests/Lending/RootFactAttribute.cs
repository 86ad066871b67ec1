using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A test that starts processes of other users; skipped with the reason where that is not allowed.</summary>
public sealed class RootFactAttribute : FactAttribute
{
    public RootFactAttribute() => Skip = LibC.geteuid() == 0 ? null : "only root starts processes of other users";
}
