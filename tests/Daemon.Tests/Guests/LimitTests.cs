using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>What KVM and the host allow is named before anything is made.</summary>
public sealed class LimitTests
{
    [Fact]
    public async Task A_plug_for_which_KVM_has_no_slot_says_so_and_changes_nothing()
    {
        var kernel = new FakeKernel();
        kernel.Extensions[KvmCapability.NrMemslots] = 2;
        await using var guest = await InProcessGuest.StartAsync(kernel, "-machine q35 -m 1M,slots=4,maxmem=1G");
        var client = await guest.ConnectAsync();
        foreach (var id in (string[])["a", "b"])
            await AddAsync(client, id);
        await client.ExchangeAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "da", "memdev": "a"}}""", """{"return": {}}""");
        var before = await InProcessGuest.ObserveAsync(client);

        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "db", "memdev": "b"}}""",
            """{"error": {"class": "GenericError", "desc": "hypervisor has no free memory slots left; KVM has 2"}}""");

        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "b"}}""", """{"return": {}}""");
    }

    [Fact]
    public async Task A_backend_for_which_there_are_no_mappings_is_refused_by_the_name_of_the_limit()
    {
        using var host = new FakeHost();
        host.With("/proc/sys/vm/max_map_count", "1000");
        host.With("/proc/self/maps", string.Concat(Enumerable.Repeat("a line\n", 743)));
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), host: host.Files);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "a", "size": 4096}}""",
            """
            {"error": {"class": "GenericError",
              "desc": "no room for memory backend 'a': 743 of 1000 mappings are in use, raise vm.max_map_count"}}
            """);
        await client.ExchangeAsync(
            """{"execute": "query-memory-slots"}""",
            """{"return": {"$object-with": {"limits": {"$object-with": {"mappings-used": 743, "mappings-max": 1000}}}}}""");

        // Room for one: two mappings, and 256 are kept.
        host.With("/proc/self/maps", string.Concat(Enumerable.Repeat("a line\n", 742)));
        await AddAsync(client, "a");
        await client.ExchangeAsync(
            """{"execute": "query-memory-slots"}""",
            """{"return": {"$object-with": {"limits": {"$object-with": {"mappings-used": 745}}}}}""");
    }

    [Fact]
    public async Task A_backend_for_which_there_are_no_descriptors_is_refused_by_the_name_of_the_limit()
    {
        var kernel = new FakeKernel { DescriptorsInUse = 936 };
        kernel.Limits[ResourceKind.OpenFiles] = new ResourceLimit(1000, 1000);
        await using var guest = await InProcessGuest.StartAsync(kernel);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "a", "size": 4096}}""",
            """
            {"error": {"class": "GenericError", "desc":
              "no room for memory backend 'a': 936 of 1000 file descriptors are in use, raise the limit of open files (RLIMIT_NOFILE)"}}
            """);
    }

    private static Task AddAsync(QmpClient client, string id) => client.ExchangeAsync(
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": 4096} }""", """{"return": {}}""");
}
