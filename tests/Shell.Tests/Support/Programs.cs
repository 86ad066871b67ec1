using System.Diagnostics;

namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>Other programs, run to their end.</summary>
internal static class Programs
{
    public static async Task<(int Status, string Output)> RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, text);
    }
}
