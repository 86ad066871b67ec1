namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>A case against a real QEMU, skipped with the reason where there is none.</summary>
internal sealed class QemuFactAttribute : FactAttribute
{
    public QemuFactAttribute()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        if (!Array.Exists(folders, folder => File.Exists(Path.Combine(folder, Servers.Qemu))))
            Skip = $"{Servers.Qemu} is not installed";
    }
}
