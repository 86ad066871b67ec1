using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>memory-backend-guest-memfd: its slot is bound by descriptor, and what that kind of slot cannot do is said.</summary>
public sealed class GuestMemfdBackendTests
{
    private const string Add =
        """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-guest-memfd", "id": "m", "size": 2097152}}""";

    [KvmFact]
    public async Task Its_slot_is_bound_by_descriptor_and_a_vcpu_finds_what_the_host_wrote()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(Add, """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "query-memory-slots", "arguments": {"memdev": "m"}}""",
            """
            {"return": {"generation": "$int", "limits": "$any", "slots": [
              {"kvm-slot": "$int", "addr": 4294967296, "size": 2097152, "host-addr": "$int", "binding": "guest-memfd", "use": "device",
               "readonly": false, "dirty-log": false, "offset": 0, "memdev": "/objects/m", "device": "/machine/peripheral/d"}]}}
            """);
        guest.Guest.State.Backends["m"].Backend.Memory.Write(8, "HOSTMEMD"u8);
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 4294967296, "size": 2097152}}""",
            """{"return": {"outcome": "done", "generation": "$int", "native": true, "equal": true, "different-pages": 0}}""");
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 4294967312, "data": "R1VFU1Q="}}""",
            """{"return": {"outcome": "done", "generation": "$int", "native": true}}""");
        var seen = new byte[5];
        guest.Guest.State.Backends["m"].Backend.Memory.Read(16, seen);
        Assert.Equal("GUEST"u8.ToArray(), seen);
    }

    [KvmFact]
    public async Task It_can_be_plugged_again_after_it_was_unplugged()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(Add, """{"return": {}}""");
        for (var round = 0; round < 3; round++)
        {
            await client.ExchangeAsync(
                """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
            await client.ExchangeAsync("""{"execute": "device_del", "arguments": {"id": "d"}}""", """{"return": {}}""");
            await client.ExpectAsync("""{"timestamp": "$timestamp", "event": "DEVICE_DELETED", "data": {"device": "d", "path": "/machine/peripheral/d"}}""");
        }
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
    }

    [Theory]
    [InlineData("\"share\": false", "memory-backend-guest-memfd requires 'share=on'")]
    [InlineData("\"merge\": true", "memory-backend-guest-memfd is not compatible with 'merge=on': the kernel does not merge its pages")]
    public async Task What_it_cannot_be_is_refused_with_the_reason(string property, string error)
    {
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-guest-memfd", "id": "m", "size": 4096, {{{property}}}}}""",
            $$$"""{"error": {"class": "GenericError", "desc": "{{{error}}}"}}""");
    }

    [Fact]
    public async Task Without_kvm_it_is_refused_by_name()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            Add,
            """
            {"error": {"class": "GenericError",
             "desc": "memory-backend-guest-memfd requires KVM, but the accelerator is 'none'; start with '-accel kvm'"}}
            """);
    }

    [Fact]
    public async Task A_refusal_of_the_kernel_to_bind_is_said_and_undone()
    {
        var kernel = new FakeKernel();
        await using var guest = await InProcessGuest.StartAsync(kernel);
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(Add, """{"return": {}}""");
        var before = await InProcessGuest.ObserveAsync(client);
        kernel.FailAt("SetUserMemoryRegion2", 1, Errno.EEXIST);
        var answer = await client.AskAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""");

        Assert.Contains("File exists", answer.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
    }
}
