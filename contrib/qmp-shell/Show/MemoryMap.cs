using System.Globalization;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell.Show;

/// <summary><c>show memory</c>: the guest's physical memory from the bottom up, with what is behind it and the holes between.</summary>
internal static class MemoryMap
{
    private const int BarLength = 24;

    private sealed record Part(ulong Start, ulong Size, string Kind, string Device, string Memdev, string Slot);

    /// <exception cref="FormatException">The server has nothing to tell.</exception>
    public static async Task<string> DrawAsync(ShellSession session, Paint paint, CancellationToken cancellationToken)
    {
        var (slots, head) = await SlotsAsync(session, cancellationToken).ConfigureAwait(false);
        JsonValue? devices = await session.AskAsync("query-memory-devices", cancellationToken).ConfigureAwait(false);
        if (devices is null && slots.Count == 0)
            throw new FormatException("this server tells nothing about memory");
        var summary = await session.AskAsync("query-memory-size-summary", cancellationToken).ConfigureAwait(false) as JsonObject;
        List<Part> parts = [.. slots, .. Amount.Items(devices).Select(Device).Where(device => !slots.Exists(slot => slot.Start == device.Start))];
        parts.Sort((one, other) => one.Start.CompareTo(other.Start));

        head += $"base memory {Amount.Bytes(summary?["base-memory"])}, plugged {Amount.Bytes(summary?["plugged-memory"])}";
        return head + "\n" + Draw(parts, paint);
    }

    private static string Draw(List<Part> parts, Paint paint)
    {
        if (parts.Count == 0)
            return "no part of it has an address that is told\n";
        var rows = new List<Part>();
        ulong next = 0;
        foreach (Part part in parts)
        {
            if (part.Start > next)
                rows.Add(new Part(next, part.Start - next, "hole", "", "", ""));
            rows.Add(part);
            next = part.Start + part.Size;
        }

        ulong largest = parts.Max(part => part.Size);
        var table = new Table(">from", ">to", ">size", "what", "device", "memdev", "slot", "")
        {
            RowPaint = (row, line) => rows[row].Kind switch { "hole" => paint.Dim(line), "DIMM" => paint.Green(line), _ => line },
        };
        foreach (Part row in rows)
            table.Add(Amount.Address(row.Start), Amount.Address(row.Start + row.Size - 1), Amount.Bytes(row.Size), row.Kind, row.Device, row.Memdev, row.Slot, Bar(row, largest));
        return table.Text(paint);
    }

    private static string Bar(Part part, ulong largest) =>
        part.Kind == "hole" ? "" : new string(part.Kind == "DIMM" ? '=' : '#', Math.Max(1, (int)((double)part.Size / largest * BarLength)));

    private static async Task<(List<Part> Slots, string Head)> SlotsAsync(ShellSession session, CancellationToken cancellationToken)
    {
        var parts = new List<Part>();
        string head = "";
        JsonValue? from = null;
        do
        {
            (string, JsonValue)[] arguments = from is null ? [] : [("addr", from)];
            if (await session.AskAsync("query-memory-slots", cancellationToken, arguments).ConfigureAwait(false) is not JsonObject map)
                break;
            parts.AddRange(Amount.Items(map["slots"]).Select(Slot));
            head = map["limits"] is JsonObject limits
                ? $"KVM slots {Amount.Text(limits["kvm-used"])} of {Amount.Text(limits["kvm-max"])}, "
                    + $"DIMMs {Amount.Text(limits["device-used"])} of {Amount.Text(limits["device-max"])}, "
                : "";
            from = map["next-addr"];
        }
        while (from is not null);
        return (parts, head);
    }

    private static Part Slot(JsonObject slot)
    {
        string kind = Amount.Text(slot["use"]) switch { "device" => "DIMM", "probe" => "probe", _ => "RAM" };
        string marks = (slot["readonly"] is JsonBool { Value: true } ? ", read-only" : "") + (slot["dirty-log"] is JsonBool { Value: true } ? ", dirty log" : "");
        string number = string.Create(CultureInfo.InvariantCulture, $"{Amount.Text(slot["kvm-slot"])} by {Amount.Text(slot["binding"])}{marks}");
        return new Part(Amount.Of(slot["addr"]), Amount.Of(slot["size"]), kind, Amount.Tail(slot["device"]), Amount.Tail(slot["memdev"]), number);
    }

    private static Part Device(JsonObject device)
    {
        var data = device["data"] as JsonObject ?? new JsonObject();
        return new Part(
            Amount.Of(data["addr"]), Amount.Of(data["size"]), Amount.Text(device["type"]) == "dimm" ? "DIMM" : Amount.Text(device["type"]),
            Amount.Text(data["id"]), Amount.Tail(data["memdev"]), "");
    }
}
