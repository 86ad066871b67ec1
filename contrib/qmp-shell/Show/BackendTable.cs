using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell.Show;

/// <summary><c>show backends</c>: what each takes, where its pages are, who has it, and where it is plugged.</summary>
internal static class BackendTable
{
    /// <summary>Columns of <c>show backends</c>.</summary>
    private const int Holders = 6;

    private const int Loan = 7;

    /// <exception cref="FormatException">The server has no memory backends.</exception>
    public static async Task<string> DrawAsync(ShellSession session, Paint paint, CancellationToken cancellationToken)
    {
        // Asked for at once, and the longest answer last: the others are drawn while the server works on it. Borrowers are everybody who was seen
        // with the memory, so usage need not look through all processes for holders once more; how memory could be lent nobody looks at here.
        Task<JsonValue?> taken = session.AskAsync("query-memory-usage", cancellationToken, ("placement", JsonBool.True));
        Task<JsonValue?> devices = session.AskAsync("query-memory-devices", cancellationToken);
        Task<JsonValue?> lent = session.AskWithoutAsync("ways", "query-memory-loans", cancellationToken);
        var usage = await taken.ConfigureAwait(false) as JsonObject;
        Dictionary<string, string> plugged = Amount.Items(await devices.ConfigureAwait(false))
            .Select(device => device["data"] as JsonObject ?? new JsonObject())
            .GroupBy(data => Amount.Tail(data["memdev"]))
            .ToDictionary(group => group.Key, group => string.Join(',', group.Select(data => Amount.Text(data["id"]))));
        if (usage is null)
        {
            JsonValue memdevs = await session.AskAsync("query-memdev", cancellationToken).ConfigureAwait(false)
                ?? throw new FormatException("this server has no memory backends");
            return Plain(memdevs, plugged, paint);
        }

        List<string[]> rows = [.. Amount.Items(usage["backends"]).Select(backend => Row(backend, plugged))];
        // Memory that was forgotten here may have the name of a backend that came after it; it is listed behind that.
        var loans = new Dictionary<string, JsonObject>();
        foreach (JsonObject loan in Amount.Items(await lent.ConfigureAwait(false)))
            loans.TryAdd(Amount.Tail(loan["memdev"]), loan);
        var table = new Table("memdev", "kind", ">size", ">resident", ">page", "node", "holders", "loan", "plugged");
        foreach (string[] row in rows)
        {
            JsonObject? loan = loans.GetValueOrDefault(row[0]);
            (row[Holders], row[Loan]) = (Each(loan?["borrowers"], Holder), Amount.Text(loan?["state"]));
            table.Add(row);
        }

        return table.Text(paint) + $"{Amount.Bytes(usage["total-resident"])} resident of {Amount.Bytes(usage["total-size"])}\n";
    }

    /// <summary>What is known of a backend without its loan.</summary>
    private static string[] Row(JsonObject backend, Dictionary<string, string> plugged)
    {
        string id = Amount.Tail(backend["memdev"]);
        return
        [
            id, Amount.Text(backend["fd-type"]), Amount.Bytes(backend["size"]), Amount.Bytes(backend["resident"]),
            Each(backend["pages"], page => Amount.Bytes(page["page-size"])),
            Each(backend["nodes"], node => Amount.Text(node["node"])),
            "-", "-", plugged.GetValueOrDefault(id, "-"),
        ];
    }

    private static string Plain(JsonValue memdevs, Dictionary<string, string> plugged, Paint paint)
    {
        var table = new Table("memdev", ">size", "share", "prealloc", "policy", "plugged");
        foreach (JsonObject memdev in Amount.Items(memdevs))
        {
            string id = Amount.Text(memdev["id"]);
            table.Add(
                id, Amount.Bytes(memdev["size"]), Amount.Text(memdev["share"]), Amount.Text(memdev["prealloc"]), Amount.Text(memdev["policy"]),
                plugged.GetValueOrDefault(id, "-"));
        }

        return table.Text(paint);
    }

    private static string Holder(JsonObject holder) =>
        holder["self"] is JsonBool { Value: true } ? "self" : $"{Amount.Text(holder["comm"])}({Amount.Text(holder["pid"])})";

    private static string Each(JsonValue? list, Func<JsonObject, string> text) =>
        Amount.Items(list).Select(text).ToArray() is [_, ..] texts ? string.Join(',', texts) : "-";
}
