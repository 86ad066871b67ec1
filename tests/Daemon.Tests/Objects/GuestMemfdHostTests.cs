using Hostmemd.Api;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>The rules that depend on the host, for hosts that neither this machine nor the fake is; and what this machine answers.</summary>
public sealed class GuestMemfdHostTests
{
    private static readonly KvmCapabilities Able = new()
    {
        UserMemory2 = true,
        MaxSlots = 32764,
        GuestMemfd = true,
        GuestMemfdFlags = GuestMemfdFlags.Mmap | GuestMemfdFlags.InitShared,
        VmTypes = 1,
        VmType = 0,
        ReadOnlyMemory = true,
        MemoryFaultInfo = true,
        MemoryAttributes = false,
        PreFaultMemory = false,
        ImmediateExit = true,
        BinaryStats = true,
        MaxGuestAddress = new GuestAddress((1UL << 46) - 1),
    };

    private static readonly GuestMemfdHost Host = new(Able, PolicyHolds: false, MemoryAndSwap: 1UL << 30, KernelRelease: "6.18.0");

    [Fact]
    public void A_vm_of_another_type_is_refused() => Assert.Equal(
        "'guest-memfd=on' requires a VM of type 0, but this VM has type 3",
        Refusal(new MemfdProperties(), Host with { Capabilities = Able with { VmType = 3 } }));

    [Fact]
    public void A_policy_is_refused_where_mbind_does_not_hold() => Assert.Equal(
        "'guest-memfd=on' is not compatible with 'policy=bind': this kernel (6.18.0) does not bind guest_memfd to NUMA nodes; leave out 'policy'",
        Refusal(new MemfdProperties { Policy = HostMemPolicy.Bind, HostNodes = [0] }, Host));

    [Fact]
    public void Host_nodes_are_refused_where_mbind_does_not_hold() => Assert.Equal(
        "'guest-memfd=on' is not compatible with 'host-nodes=0,1': this kernel (6.18.0) does not bind guest_memfd to NUMA nodes; "
        + "leave out 'host-nodes'",
        Refusal(new MemfdProperties { HostNodes = [0, 1] }, Host));

    [Fact]
    public void A_policy_is_accepted_where_mbind_holds() => Assert.Null(
        Refusal(new MemfdProperties { Policy = HostMemPolicy.Bind, HostNodes = [0] }, Host with { PolicyHolds = true }));

    [Fact]
    public void What_is_no_guest_memfd_is_not_asked_for_kvm()
    {
        var plain = new MemfdProperties { Size = 1000, GuestMemfd = false, Share = false };
        GuestMemfdRules.Check(plain, Host with { Capabilities = null });
    }

    [KvmFact]
    public async Task This_kernel_is_measured_before_a_policy_is_refused_or_taken()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await guest.ConnectAsync();
        var abilities = await client.AskAsync("""{"execute": "query-guest-memfd-capabilities"}""");
        var policyWorks = abilities.GetProperty("return").GetProperty("abilities").EnumerateArray()
            .Single(ability => ability.GetProperty("ability").GetString() == "numa-policy").GetProperty("verdict").GetString() == "works";

        await client.ExchangeAsync(
            """
            {"execute": "object-add", "arguments":
              {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, "policy": "bind", "host-nodes": [0]}}
            """,
            policyWorks
                ? """{"return": {}}"""
                : $$$"""
                {"error": {"class": "GenericError", "desc": "'guest-memfd=on' is not compatible with 'policy=bind': this kernel ({{{guest.Guest.Kernel.KernelRelease}}}) does not bind guest_memfd to NUMA nodes; leave out 'policy'"}}
                """);
    }

    [KvmFact]
    public async Task Prealloc_allocates_every_page_of_a_real_guest_memfd()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """
            {"execute": "object-add", "arguments":
              {"qom-type": "memory-backend-memfd", "id": "m", "size": 4194304, "guest-memfd": true, "prealloc": true, "prealloc-threads": 2}}
            """,
            """{"return": {}}""");

        Assert.Equal(1, ProcessResources.Count("kvm-gmem"));
        Assert.Equal(4194304, ResidentOf("kvm-gmem"));
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
        Assert.Equal(0, ProcessResources.Count("kvm-gmem"));
        Assert.Equal(0, ProcessResources.Mappings("kvm-gmem"));
    }

    [KvmFact]
    public async Task A_refused_size_of_one_pebibyte_leaves_no_descriptor_and_no_mapping()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await guest.ConnectAsync();
        var memory = guest.Guest.Kernel.Sysinfo();

        await client.ExchangeAsync(
            """
            {"execute": "object-add", "arguments":
              {"qom-type": "memory-backend-memfd", "id": "m", "size": 1125899906842624, "guest-memfd": true}}
            """,
            $$$"""
            {"error": {"class": "GenericError", "desc": "'size' 1125899906842624 is beyond the host's memory and swap ({{{memory.TotalRam + memory.TotalSwap}}} bytes), which 'guest-memfd=on' cannot exceed"}}
            """);

        Assert.Equal(0, ProcessResources.Count("kvm-gmem"));
        Assert.Equal(0, ProcessResources.Mappings("kvm-gmem"));
        await client.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
    }

    private static long ResidentOf(string mapping)
    {
        var lines = File.ReadAllLines("/proc/self/smaps");
        var at = Array.FindIndex(lines, line => line.Contains(mapping, StringComparison.Ordinal));
        var rss = lines.Skip(at).First(line => line.StartsWith("Rss:", StringComparison.Ordinal));
        return 1024 * long.Parse(rss[4..^3], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static string? Refusal(MemfdProperties properties, GuestMemfdHost host)
    {
        (properties.Size, properties.GuestMemfd) = (2 << 20, true);
        try
        {
            GuestMemfdRules.Check(properties, host);
            return null;
        }
        catch (QmpException e)
        {
            return e.Message;
        }
    }
}
