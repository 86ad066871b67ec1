namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>A case that needs socat, skipped with the reason where there is none.</summary>
internal sealed class SocatFactAttribute : FactAttribute
{
    public SocatFactAttribute()
    {
        if (!Host.HasProgram("socat"))
            Skip = "socat is not installed";
        else if (NeedsQemu && !Host.HasProgram(Servers.Qemu))
            Skip = $"{Servers.Qemu} is not installed";
    }

    public bool NeedsQemu { get; init; }
}
