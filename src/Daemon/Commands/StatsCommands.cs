using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>What KVM counts, in the kernel's own names and units. The newest first, as QEMU 11.1.3 lists them.</summary>
internal static class StatsCommands
{
    public static async ValueTask<List<StatsResult>> QueryAsync(Client client, StatsFilter filter)
    {
        var request = filter.Requests?.Find(asked => asked.Provider == StatsProvider.Kvm);
        // Vcpus are asked for by QOM path, and the probe is not in the tree.
        if ((filter.Requests is not null && request is null) || (filter.Target == StatsTarget.Vcpu && filter.Vcpu.Vcpus is not null))
            return [];
        var found = await ReadAsync(client.Guest, filter.Target).ConfigureAwait(false);
        var stats = found.Where(statistic => request?.Names?.Contains(statistic.Name) != false)
            .Select(statistic => new StatsItem { Name = statistic.Name, Value = ValueOf(statistic) }).ToList();
        return stats.Count == 0 ? [] : [new StatsResult { Provider = StatsProvider.Kvm, Stats = stats }];
    }

    public static async ValueTask<List<StatsSchema>> QuerySchemasAsync(Client client, StatsSchemaArguments arguments)
    {
        var schemas = new List<StatsSchema>();
        if (arguments.Provider is StatsProvider.Cryptodev)
            return schemas;
        foreach (var target in (StatsTarget[])[StatsTarget.Vcpu, StatsTarget.Vm])
        {
            var found = await ReadAsync(client.Guest, target).ConfigureAwait(false);
            if (found.Count > 0)
                schemas.Add(new StatsSchema { Provider = StatsProvider.Kvm, Target = target, Stats = [.. found.Select(Describe)] });
        }
        return schemas;
    }

    private static async Task<IReadOnlyList<Statistic>> ReadAsync(Guest guest, StatsTarget target)
    {
        if (guest.Vm is not { } thread || !thread.Capabilities.BinaryStats)
            return [];
        try
        {
            var found = target == StatsTarget.Vm ? await thread.RunAsync(vm => vm.ReadStatistics()).ConfigureAwait(false)
                : target == StatsTarget.Vcpu && guest.Probe.Made is { } vcpu ? await vcpu.ReadStatisticsAsync().ConfigureAwait(false)
                : [];
            return [.. found.Reverse()];
        }
        catch (KernelException e)
        {
            throw new QmpException($"KVM's statistics cannot be read: {Errno.Text(e.Errno)}");
        }
    }

    private static JsonValue ValueOf(Statistic statistic) =>
        statistic.Values.Count != 1 ? new JsonArray([.. statistic.Values.Select(value => (JsonValue)JsonNumber.Of(value))])
        : statistic.Unit == StatisticUnit.Boolean ? JsonBool.Of(statistic.Values[0] != 0)
        : JsonNumber.Of(statistic.Values[0]);

    private static StatsSchemaValue Describe(Statistic statistic) => new()
    {
        Name = statistic.Name,
        Type = statistic.Type,
        Unit = statistic.Unit == StatisticUnit.None ? null : statistic.Unit,
        NumberBase = statistic.Exponent == 0 ? null : statistic.Base,
        Exponent = statistic.Exponent,
        BucketSize = statistic.Type == StatisticType.LinearHistogram ? statistic.BucketSize : null,
    };
}
