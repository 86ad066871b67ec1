using System.Diagnostics;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>A test that runs the program as a unit of a real systemd; skipped with the reason where none can be started beside the host's own.</summary>
public sealed class SystemdFactAttribute : FactAttribute
{
    /// <summary>Where Debian and others have it; null: nowhere.</summary>
    public static readonly string? Program = new[] { "/usr/lib/systemd/systemd", "/lib/systemd/systemd" }.FirstOrDefault(File.Exists);

    // After Program, which it looks at.
    private static readonly string? Reason = FindReason();

    public SystemdFactAttribute() => Skip = Reason;

    /// <summary>The test plugs memory and has a vCPU write to it.</summary>
    public bool NeedsKvm
    {
        get => false;
        set => Skip ??= value ? new KvmFactAttribute().Skip : null;
    }

    private static string? FindReason()
    {
        if (Program is null)
            return "no systemd";
        if (LibC.geteuid() != 0)
            return "only root may give a systemd a /run of its own";
        try
        {
            using var process = Process.Start(new ProcessStartInfo("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/run"]) { RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : $"no mount namespace here: {error.Trim()}";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"no unshare: {e.Message}";
        }
    }
}
