using System.Diagnostics;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A wrapper or a QEMU that dies while they start, at whichever step: nothing of either is left.</summary>
public sealed class QemuDeathTests
{
    [QemuFact(NeedsCpr = true)]
    public Task Whoever_dies_while_it_starts_leaves_nothing_behind() => QemuLendingTests.RunAsync(guestMemfd: true, async (daemon, client) =>
    {
        // At whichever step: the time until the wrapper is killed grows until the guest runs before.
        for (var delay = 0; delay < 1000; delay = (delay * 5 / 4) + 10)
        {
            using var wrapper = StartWrapper(daemon);
            await Task.Delay(delay);
            wrapper.Kill();
            await wrapper.WaitForExitAsync();
            await Eventually.TrueAsync(
                () => QemuProcesses(wrapper.Id).Count == 0, () => string.Join("\n", QemuProcesses(wrapper.Id)));
            await FreeAsync(client);
        }
    });

    [QemuFact(NeedsCpr = true)]
    public Task Whichever_qemu_dies_while_it_starts_takes_all_of_it_along() => QemuLendingTests.RunAsync(guestMemfd: true, async (daemon, client) =>
    {
        var killed = 0;
        for (var round = 0; round < 20; round++)
        {
            using var wrapper = StartWrapper(daemon);
            try
            {
                // The first is the target, the second the source; which step they are at differs from round to round.
                var found = new List<int>();
                // The source is there for a moment only, and may be missed.
                for (var end = Stopwatch.StartNew(); found.Count <= round % 2 && !wrapper.HasExited && end.Elapsed < TimeSpan.FromSeconds(3); await Task.Yield())
                    found = QemuProcesses(wrapper.Id);
                await Task.Delay(round * 5);
                if (found.Count > round % 2 && Tmds.Linux.LibC.kill(found[round % 2], DaemonFixture.SigKill) == 0)
                    killed++;
                await Task.Delay(200);
                // Perhaps it was the source, and no longer needed: then the guest runs.
                if (!wrapper.HasExited)
                    _ = Tmds.Linux.LibC.kill(wrapper.Id, DaemonFixture.SigTerm);
                using var limit = new CancellationTokenSource(QmpClient.Patience);
                await wrapper.WaitForExitAsync(limit.Token);
                await Eventually.TrueAsync(
                    () => QemuProcesses(wrapper.Id).Count == 0, () => string.Join("\n", QemuProcesses(wrapper.Id)));
                await FreeAsync(client);
            }
            finally
            {
                wrapper.Kill();
            }
        }
        // Every target at least, in each other round.
        Assert.True(killed >= 10, $"only {killed} were killed");
    });

    private static Process StartWrapper(DaemonFixture daemon)
    {
        var start = new ProcessStartInfo(QemuProcess.Wrapper, [daemon.Socket, "m", "--", .. QemuFactAttribute.Command, .. QemuLendingTests.Machine]);
        start.RedirectStandardError = true;
        return Process.Start(start)!;
    }

    private static async Task FreeAsync(QmpClient client)
    {
        for (var end = Stopwatch.StartNew(); ; await Task.Delay(5))
        {
            var loan = await QemuLendingTests.LoanAsync(client);
            if (loan.GetProperty("borrowers").GetArrayLength() == 0 && loan.GetProperty("state").GetString() is "free" or "lost")
                return;
            Assert.True(end.Elapsed < QmpClient.Patience, loan.GetRawText());
        }
    }

    /// <summary>The QEMUs, and what is about to become one, whose command line names a folder of the wrapper's.</summary>
    private static List<int> QemuProcesses(int wrapper)
    {
        var found = new List<int>();
        foreach (var process in Directory.EnumerateDirectories("/proc"))
            if (int.TryParse(Path.GetFileName(process), out var pid) && pid != wrapper)
            {
                try
                {
                    if (File.ReadAllText(Path.Combine(process, "cmdline")).Contains($"qemu-hostmem-{wrapper}-", StringComparison.Ordinal))
                        found.Add(pid);
                }
                catch (IOException)
                {
                    // It has ended.
                }
            }
        found.Sort();
        return found;
    }
}
