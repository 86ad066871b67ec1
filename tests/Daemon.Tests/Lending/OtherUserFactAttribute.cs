using System.Diagnostics;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A test that runs qemu-hostmem and QEMU as the user nobody; skipped with the reason where that cannot be.</summary>
public sealed class OtherUserFactAttribute : FactAttribute
{
    /// <summary>The start of a command line that runs the rest of it as nobody, without any group or right besides.</summary>
    public static readonly string[] AsNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];

    private readonly bool _needsCpr;

    /// <summary>Needs QEMU 11.1, and guest_memfd.</summary>
    public bool NeedsCpr
    {
        get => _needsCpr;
        init
        {
            _needsCpr = value;
            Skip = value ? new QemuFactAttribute { NeedsCpr = true }.Skip ?? Skip : Skip;
        }
    }

    public OtherUserFactAttribute() => Skip = new RootFactAttribute().Skip ?? new QemuFactAttribute().Skip ?? WhyNot();

    /// <summary>The programs are where this checkout is, which may be nobody else's business, and the command of QEMU may need root.</summary>
    private static string? WhyNot()
    {
        string[] command = [.. AsNobody, "test", "-x", QemuProcess.Wrapper];
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]))!;
        process.WaitForExit();
        return process.ExitCode == 0
            ? QemuFactAttribute.Try([.. AsNobody, .. QemuFactAttribute.Command])
            : $"the user nobody may not run {QemuProcess.Wrapper}";
    }
}
