using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell.Show;

/// <summary><c>show backends</c>: what each takes, where its pages are, who has it, and where it is plugged.</summary>
internal static class BackendTable
{
    /// <exception cref="FormatException">The server has no memory backends.</exception>
    public static async Task<string> DrawAsync(ShellSession session, Paint paint, CancellationToken cancellationToken)
    {
        JsonValue memdevs = await session.AskAsync("query-memdev", cancellationToken).ConfigureAwait(false)
            ?? throw new FormatException("this server has no memory backends");
        Dictionary<string, string> plugged = Amount.Items(await session.AskAsync("query-memory-devices", cancellationToken).ConfigureAwait(false))
            .Select(device => device["data"] as JsonObject ?? new JsonObject())
            .GroupBy(data => Amount.Tail(data["memdev"]))
            .ToDictionary(group => group.Key, group => string.Join(',', group.Select(data => Amount.Text(data["id"]))));
        var usage = await session.AskAsync("query-memory-usage", cancellationToken, ("placement", JsonBool.True)).ConfigureAwait(false) as JsonObject;
        if (usage is null)
            return Plain(memdevs, plugged, paint);

        // The loans name everybody who was seen with the memory: usage would look through all processes for them once more.
        Dictionary<string, JsonObject> loans = Amount.Items(await session.AskAsync("query-memory-loans", cancellationToken).ConfigureAwait(false))
            .ToDictionary(loan => Amount.Tail(loan["memdev"]));
        var table = new Table("memdev", "kind", ">size", ">resident", ">page", "node", "holders", "loan", "plugged");
        foreach (JsonObject backend in Amount.Items(usage["backends"]))
        {
            string id = Amount.Tail(backend["memdev"]);
            table.Add(
                id, Amount.Text(backend["fd-type"]), Amount.Bytes(backend["size"]), Amount.Bytes(backend["resident"]),
                Each(backend["pages"], page => Amount.Bytes(page["page-size"])),
                Each(backend["nodes"], node => Amount.Text(node["node"])),
                Each(loans.GetValueOrDefault(id)?["borrowers"], Holder),
                Amount.Text(loans.GetValueOrDefault(id)?["state"]), plugged.GetValueOrDefault(id, "-"));
        }

        return table.Text(paint) + $"{Amount.Bytes(usage["total-resident"])} resident of {Amount.Bytes(usage["total-size"])}\n";
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
