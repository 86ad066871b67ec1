using System.Globalization;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Startup;

/// <summary>Reads `-numa node,memdev=ID[,nodeid=N]`: memory of the machine is that of the nodes' backends, one after another.</summary>
internal static class NumaOption
{
    private const uint MaxNodes = 128;

    /// <exception cref="OptionException">What does not fit.</exception>
    public static void Apply(DaemonOptions options, string text)
    {
        string? type = null, memdev = null;
        uint? id = null;
        foreach (var (key, value) in KeyValues.Split(text, "type"))
            switch (key)
            {
                case "type": type = value; break;
                case "memdev": memdev = value; break;
                case "nodeid":
                    id = uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < MaxNodes
                        ? number
                        : throw new OptionException($"Max number of NUMA nodes reached: {value}");
                    break;
                default: throw ProtocolErrors.Invalid(key);
            }
        if (type != "node")
            throw new OptionException("only 'node' is supported");
        if (memdev is null)
            throw new OptionException("a node without memory is not supported, give it 'memdev'");
        var node = id ?? (uint)options.NumaNodes.Count;
        if (!options.NumaNodes.TryAdd(node, memdev))
            throw new OptionException($"Duplicate NUMA nodeid: {node}");
    }

    /// <summary>The backends by node.</summary>
    /// <exception cref="OptionException">A node is missing, or the machine's memory is given in another way too.</exception>
    public static IReadOnlyList<string> BackendsOf(DaemonOptions options)
    {
        if (options.NumaNodes.Count == 0)
            return options.MemoryBackend is null ? [] : [options.MemoryBackend];
        if (options.MemoryBackend is not null)
            throw new OptionException("'-machine memory-backend' and '-numa memdev' properties are mutually exclusive");
        for (var node = options.NumaNodes.Keys.Max(); node > 0; node--)
        {
            if (!options.NumaNodes.ContainsKey(node - 1))
                throw new OptionException($"numa: Node ID missing: {node - 1}");
        }
        return [.. options.NumaNodes.OrderBy(node => node.Key).Select(node => node.Value)];
    }
}
