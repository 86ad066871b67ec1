using System.Diagnostics;
using Tmds.Linux;

namespace Hostmemd.QmpShell.Native;

internal static class Signal
{
    /// <summary>Asks a process to end. A process that is gone already is what was asked for.</summary>
    public static void Terminate(Process process)
    {
        if (!process.HasExited)
            _ = LibC.kill(process.Id, LibC.SIGTERM);
    }
}
