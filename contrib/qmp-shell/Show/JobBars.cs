using System.Globalization;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell.Show;

/// <summary>How far the jobs are.</summary>
internal static class JobBars
{
    private const int Length = 40;

    public static async Task<string> DrawAsync(ShellSession session, Paint paint, CancellationToken cancellationToken) =>
        string.Concat(Amount.Items(await session.AskAsync("query-jobs", cancellationToken).ConfigureAwait(false)).Select(job => Bar(job, paint)));

    private static string Bar(JsonObject job, Paint paint)
    {
        (ulong done, ulong total) = (Amount.Of(job["current-progress"]), Amount.Of(job["total-progress"]));
        double share = total == 0 ? 0 : Math.Min(1, (double)done / total);
        int filled = (int)(share * Length);
        string bar = paint.Green(new string('#', filled)) + new string('.', Length - filled);
        return string.Create(
            CultureInfo.InvariantCulture, $"{Amount.Text(job["id"])} [{bar}] {share * 100:0} % of {Amount.Bytes(total)}, {Amount.Text(job["status"])}\n");
    }
}
