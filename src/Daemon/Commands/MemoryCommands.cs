using Hostmemd.Api;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>What memory the guest has.</summary>
internal static class MemoryCommands
{
    public static List<MemdevInfo> QueryMemdev(Client client) => [.. client.Pin().Backends.Values.Select(published =>
    {
        var properties = published.Properties;
        return new MemdevInfo
        {
            Id = published.Backend.Id,
            Size = properties.Size,
            Merge = properties.Merge == true,
            Dump = properties.Dump == true,
            Prealloc = properties.Prealloc == true,
            Share = properties.Share == true,
            Reserve = properties.Reserve,
            HostNodes = properties.HostNodes ?? [],
            Policy = properties.Policy ?? HostMemPolicy.Default,
        };
    })];

    public static List<MemoryDeviceInfo> QueryMemoryDevices(Client client) => [.. client.Pin().Dimms.Values.Select(dimm => new MemoryDeviceInfo
    {
        Kind = MemoryDeviceKind.Dimm,
        Dimm = new DimmDeviceInfoWrapper { Data = dimm.ToInfo() },
    })];

    public static MemorySizeSummary QueryMemorySizeSummary(Client client) => new()
    {
        BaseMemory = client.Guest.Machine.RamSize,
        PluggedMemory = client.Pin().Dimms.Values.Aggregate(0UL, (sum, dimm) => sum + dimm.Place.Size),
    };
}
