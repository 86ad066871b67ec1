using System.Globalization;
using Hostmemd.Kvm;

namespace Hostmemd.Populate;

/// <summary>What the helper process is to do, as its one argument: name=value with commas between, lists with colons.</summary>
internal sealed record PopulateOrder
{
    /// <summary>Where in the file; bytes, page aligned.</summary>
    public required ulong Offset { get; init; }

    /// <summary>Bytes, page aligned.</summary>
    public required ulong Length { get; init; }

    public int Threads { get; init; } = 1;

    /// <summary>Nothing may be written: pages are read in.</summary>
    public bool Read { get; init; }

    public MemoryPolicy Policy { get; init; }

    public IReadOnlyList<uint> Nodes { get; init; } = [];

    /// <summary>null: as inherited.</summary>
    public IReadOnlyList<int>? Cpus { get; init; }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <returns>null: not an order, or not one that can be followed.</returns>
    public static PopulateOrder? Parse(string text)
    {
        var values = new Dictionary<string, string>();
        foreach (var part in text.Split(','))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            if (at < 0 || !values.TryAdd(part[..at], part[(at + 1)..]))
                return null;
        }

        var good = TakeNumber(values, "offset", out var offset) & TakeNumber(values, "length", out var length)
            & TakeNumber(values, "threads", out var threads) & TakeNumber(values, "read", out var read)
            & TakeNumber(values, "policy", out var policy) & TakeList(values, "nodes", out var nodes) & TakeList(values, "cpus", out var cpus);
        if (!good || values.Count != 0 || length == 0 || (offset | length) % MappedMemory.PageSize != 0 || offset > long.MaxValue - length
            || threads is < 1 or > 65536 || read > 1 || !Enum.IsDefined((MemoryPolicy)Math.Min(policy, int.MaxValue)))
            return null;
        return new PopulateOrder
        {
            Offset = offset,
            Length = length,
            Threads = (int)threads,
            Read = read == 1,
            Policy = (MemoryPolicy)policy,
            Nodes = [.. nodes.Select(node => (uint)node)],
            Cpus = cpus.Count == 0 ? null : cpus,
        };
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"offset={Offset},length={Length},threads={Threads},read={(Read ? 1 : 0)},policy={(int)Policy},nodes={List(Nodes)},cpus={List(Cpus ?? [])}");

    private static string List<T>(IEnumerable<T> numbers) => string.Join(':', numbers.Select(number => string.Create(CultureInfo.InvariantCulture, $"{number}")));

    private static bool TakeNumber(Dictionary<string, string> values, string name, out ulong number)
    {
        number = 0;
        return values.Remove(name, out var text) && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    private static bool TakeList(Dictionary<string, string> values, string name, out List<int> numbers)
    {
        numbers = [];
        if (!values.Remove(name, out var text))
            return false;
        foreach (var part in text.Length == 0 ? [] : text.Split(':'))
        {
            // Far above any node or CPU that a kernel knows.
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > ushort.MaxValue)
                return false;
            numbers.Add(number);
        }

        return true;
    }
}
