using System.Globalization;
using System.Text;
using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Objects;
using Hostmemd.Sessions;

namespace Hostmemd.Monitor;

/// <summary>What `info` shows, from what the queries answer. The layout is QEMU 11.1.3's, as programs read it.</summary>
internal static class HumanInfo
{
    /// <summary>The version and the package with nothing between them.</summary>
    public static string Version()
    {
        var version = ControlCommands.Version;
        return $"{version.Qemu.Major}.{version.Qemu.Minor}.{version.Qemu.Micro}{version.Package}\n";
    }

    public static string Status(Client client)
    {
        var info = ControlCommands.QueryStatus(client);
        return info.Running ? "VM status: running\n"
            : info.Status == RunState.Paused ? "VM status: paused\n"
            : $"VM status: paused ({StatusInfo.RunStates.NameOf(info.Status)})\n";
    }

    public static string Kvm(Client client) => $"kvm support: {(ControlCommands.QueryKvm(client).Enabled ? "enabled" : "disabled")}\n";

    public static string Memdev(Client client)
    {
        var text = new StringBuilder();
        foreach (var backend in MemoryCommands.QueryMemdev(client))
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"memory backend: {backend.Id}\n  size:  {backend.Size}\n  merge: {Flag(backend.Merge)}\n  dump: {Flag(backend.Dump)}\n"
                + $"  prealloc: {Flag(backend.Prealloc)}\n  share: {Flag(backend.Share)}\n");
            if (backend.Reserve is { } reserve)
                text.Append(CultureInfo.InvariantCulture, $"  reserve: {Flag(reserve)}\n");
            text.Append(
                CultureInfo.InvariantCulture,
                $"  policy: {MemoryBackendProperties.Policies.NameOf(backend.Policy)}\n  host nodes: {Ranges(backend.HostNodes)}\n");
        }
        return text.Append('\n').ToString();
    }

    public static string MemoryDevices(Client client) => string.Concat(MemoryCommands.QueryMemoryDevices(client).Select(device =>
    {
        var dimm = device.Dimm.Data;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Memory device [dimm]: \"{dimm.Id}\"\n  addr: 0x{dimm.Addr:x}\n  slot: {dimm.Slot}\n  node: {dimm.Node}\n  size: {dimm.Size}\n"
            + $"  memdev: {dimm.Memdev}\n  hotplugged: {Flag(dimm.Hotplugged)}\n  hotpluggable: {Flag(dimm.Hotpluggable)}\n");
    }));

    public static string MemorySizeSummary(Client client)
    {
        var summary = MemoryCommands.QueryMemorySizeSummary(client);
        return $"base memory: {summary.BaseMemory}\nplugged memory: {summary.PluggedMemory}\n";
    }

    /// <param name="path">null: the machine. An ambiguous one counts as none.</param>
    public static string QomTree(Client client, string? path)
    {
        path ??= "/machine";
        if (!new QomTree(client.Guest, client.Pin()).TryResolve(path, out var node, out _))
            return $"Path '{path}' could not be resolved.\n";
        var text = new StringBuilder();
        Append(text, node!, 0);
        return text.ToString();
    }

    private static void Append(StringBuilder text, QomNode node, int indent)
    {
        text.Append(' ', indent).Append(CultureInfo.InvariantCulture, $"/{node.Name} ({node.TypeName})\n");
        foreach (var child in node.Children.OrderBy(child => child.Name, StringComparer.Ordinal))
            Append(text, child, indent + 2);
    }

    private static string Flag(bool value) => value ? "true" : "false";

    /// <summary>Numbers as "0-3,5".</summary>
    private static string Ranges(IEnumerable<ushort> numbers)
    {
        var ranges = new List<(ushort First, ushort Last)>();
        foreach (var number in numbers.Order())
        {
            if (ranges.Count > 0 && number <= ranges[^1].Last + 1)
                ranges[^1] = (ranges[^1].First, number);
            else
                ranges.Add((number, number));
        }
        return string.Join(',', ranges.Select(range => range.First == range.Last ? $"{range.First}" : $"{range.First}-{range.Last}"));
    }
}
