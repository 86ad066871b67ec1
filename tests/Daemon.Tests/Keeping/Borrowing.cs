using System.Diagnostics;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>Another process that has memory open as a VMM would, and does nothing else.</summary>
internal sealed class Borrowing : IDisposable
{
    public Process Process { get; private set; } = null!;

    /// <summary>Opens a backend by its path; the daemon knows of it then.</summary>
    public async Task OpenAsync(QmpClient client, string id)
    {
        Process = Process.Start("/bin/sh", ["-c", $"exec 3<>{await CrashModel.PathAsync(client, id)}; exec sleep 1000"]);
        await Eventually.TrueAsync(
            async () => (await client.QueryAsync("query-memory-loans")).Contains($"\"pid\": {Process.Id}", StringComparison.Ordinal),
            () => $"{id} is not borrowed");
        await Children.BecomesAsync(Process.Id, "sleep");
    }

    public void Dispose()
    {
        if (!Process.HasExited)
            Process.Kill();
        Process.Dispose();
    }
}
