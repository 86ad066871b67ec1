namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>A case against a real QEMU, skipped with the reason where there is none.</summary>
internal sealed class QemuFactAttribute : FactAttribute
{
    public QemuFactAttribute()
    {
        if (!Host.HasProgram(Servers.Qemu))
            Skip = $"{Servers.Qemu} is not installed";
    }
}
