using System.Diagnostics;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>
/// A test with a real QEMU: the one that is installed for the path way, and for CPR one of 11.1, whose command HOSTMEMD_QEMU gives. Skipped
/// with the reason where it, or KVM, is missing.
/// </summary>
public sealed class QemuFactAttribute : FactAttribute
{
    private const string Installed = "qemu-system-x86_64";

    private static readonly string? Given = Environment.GetEnvironmentVariable("HOSTMEMD_QEMU");
    private static readonly string[] Words = (Given ?? Installed).Split(' ', StringSplitOptions.RemoveEmptyEntries);
    private static readonly string? NoQemu = Try(Words);
    private static readonly string? NoCpr = Given is null
        ? "no QEMU 11.1: HOSTMEMD_QEMU is not set to its command, such as 'chroot /srv/debian13 qemu-system-x86_64'"
        : NoQemu;

    private readonly bool _needsCpr;

    /// <summary>The command of the QEMU under test.</summary>
    public static IReadOnlyList<string> Command => Words;

    /// <summary>Needs QEMU 11.1, and guest_memfd.</summary>
    public bool NeedsCpr
    {
        get => _needsCpr;
        init
        {
            _needsCpr = value;
            Skip = value ? NoCpr ?? new KvmFactAttribute().Skip : Skip;
        }
    }

    public QemuFactAttribute() => Skip = NoQemu ?? new KvmFactAttribute().Skip;

    internal static string? Try(string[] command)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command[0], [.. command[1..], "--version"]) { RedirectStandardOutput = true })!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : $"'{string.Join(' ', command)} --version' ends with status {process.ExitCode}";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"no QEMU: {command[0]}: {e.Message}";
        }
    }
}
