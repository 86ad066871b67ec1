using System.Diagnostics;
using Xunit;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>A test that traces the program; skipped with the reason where strace is absent or may not trace.</summary>
public sealed class StraceFactAttribute : FactAttribute
{
    private static readonly string? Reason = FindReason();

    public StraceFactAttribute() => Skip = Reason;

    /// <summary>Why nothing can be traced here; null where it can.</summary>
    public static string? Missing => Reason;

    /// <summary>The test traces guest_memfd too.</summary>
    public bool NeedsKvm
    {
        get => false;
        set => Skip ??= value ? new KvmFactAttribute().Skip : null;
    }

    private static string? FindReason()
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("strace", ["-f", "-o", "/dev/null", "true"]) { RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : $"strace cannot trace here: {error.Trim()}";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"no strace: {e.Message}";
        }
    }
}
