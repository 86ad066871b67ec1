using System.Text.Json;
using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>What an in-place guest_memfd backend refuses, and that nothing is left of it then.</summary>
public sealed class GuestMemfdRuleTests
{
    private readonly FakeKernel _kernel = new();

    [Fact]
    public Task Without_kvm_it_is_refused() => IsRefusedAsync(
        """{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, "share": true}""",
        "'guest-memfd=on' requires KVM, but the accelerator is 'none'; start with '-accel kvm'",
        "-accel none");

    [Fact]
    public Task Kvm_is_named_before_anything_else_that_is_wrong() => IsRefusedAsync(
        """{"qom-type": "memory-backend-memfd", "id": "m", "size": 1000, "guest-memfd": true, "share": false, "hugetlb": true, "merge": true}""",
        "'guest-memfd=on' requires KVM, but the accelerator is 'none'; start with '-accel kvm'",
        "-accel none");

    [Fact]
    public Task Without_guest_memfd_in_kvm_it_is_refused()
    {
        _kernel.Extensions[KvmCapability.GuestMemfd] = 0;
        _kernel.Extensions[KvmCapability.GuestMemfdFlags] = 0;
        return IsRefusedAsync(
            """{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, "share": true}""",
            "'guest-memfd=on' requires guest_memfd, but KVM of this kernel (fake) has none; use Linux 6.18 or later");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public Task Without_both_flags_it_is_refused_and_the_flags_are_told(int flags)
    {
        _kernel.Extensions[KvmCapability.GuestMemfdFlags] = flags;
        return IsRefusedAsync(
            """{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, "share": true}""",
            $"'guest-memfd=on' requires guest_memfd that can be mapped (flags 0x3), but KVM of this kernel (fake) has flags 0x{flags}; "
            + "use Linux 6.18 or later");
    }

    [Theory]
    [InlineData("\"share\": false", "'guest-memfd=on' requires 'share=on'")]
    [InlineData("\"hugetlb\": true", "'guest-memfd=on' is not compatible with 'hugetlb=on': guest_memfd has no huge pages")]
    [InlineData("\"hugetlbsize\": 2097152", "'guest-memfd=on' is not compatible with 'hugetlbsize=2097152': guest_memfd has no huge pages")]
    [InlineData(
        "\"hugetlb\": false, \"hugetlbsize\": 4096",
        "'guest-memfd=on' is not compatible with 'hugetlbsize=4096': guest_memfd has no huge pages")]
    [InlineData("\"seal\": false", "'guest-memfd=on' is not compatible with 'seal=off': nobody can change a guest_memfd's size")]
    [InlineData("\"merge\": true", "'guest-memfd=on' is not compatible with 'merge=on': the kernel does not merge its pages")]
    public Task A_property_that_does_not_go_with_it_is_refused(string property, string error) => IsRefusedAsync(
        $$"""{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, {{property}}}""", error);

    [Theory]
    [InlineData(1000)]
    [InlineData(2097153)]
    public Task A_size_that_is_no_multiple_of_the_page_is_refused(int size) => IsRefusedAsync(
        $$"""{"qom-type": "memory-backend-memfd", "id": "m", "size": {{size}}, "guest-memfd": true, "share": true}""",
        $"'size' {size} must be a multiple of the page size 4096 with 'guest-memfd=on'");

    [Fact]
    public Task A_size_of_zero_is_refused() => IsRefusedAsync(
        """{"qom-type": "memory-backend-memfd", "id": "m", "size": 0, "guest-memfd": true, "share": true}""",
        "property 'size' of memory-backend-memfd doesn't take value '0'");

    [Fact]
    public Task A_size_beyond_memory_and_swap_is_refused_with_the_figures()
    {
        _kernel.Memory = new SystemMemory(1 << 20, 0, 1 << 20, 0);
        return IsRefusedAsync(
            """{"qom-type": "memory-backend-memfd", "id": "m", "size": 2101248, "guest-memfd": true, "share": true}""",
            "'size' 2101248 is beyond the host's memory and swap (2097152 bytes), which 'guest-memfd=on' cannot exceed");
    }

    [Fact]
    public async Task A_size_of_just_memory_and_swap_is_accepted()
    {
        _kernel.Memory = new SystemMemory(1 << 20, 0, 1 << 20, 0);
        await IsAcceptedAsync("""{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, "share": true}""");
    }

    [Theory]
    [InlineData("true", "true")]
    [InlineData("true", "false")]
    [InlineData("false", "false")]
    public Task Both_spellings_at_once_are_refused(string one, string other) => IsRefusedAsync(
        $$"""{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": {{one}}, "x-guest-memfd": {{other}}, "share": true}""",
        "Parameters 'guest-memfd' and 'x-guest-memfd' are the same, use one of them");

    [Theory]
    [InlineData("guest-memfd", "true")]
    [InlineData("x-guest-memfd", "true")]
    [InlineData("guest-memfd", "false")]
    [InlineData("x-guest-memfd", "false")]
    public async Task Either_spelling_alone_is_taken_and_both_read_the_same(string spelling, string value)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            $$$"""
            {"execute": "object-add", "arguments":
              {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "{{{spelling}}}": {{{value}}}, "share": true}}
            """,
            """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "qom-get", "arguments": {"path": "/objects/m", "property": "guest-memfd"}}""", $$"""{"return": {{value}}}""");
        await client.ExchangeAsync(
            """{"execute": "qom-get", "arguments": {"path": "/objects/m", "property": "x-guest-memfd"}}""", $$"""{"return": {{value}}}""");
        Assert.Equal(value == "true", _kernel.Calls.Contains("CreateGuestMemfd"));
    }

    [Theory]
    [InlineData("\"seal\": true")]
    [InlineData("\"merge\": false")]
    [InlineData("\"hugetlb\": false")]
    [InlineData("\"share\": true")]
    [InlineData("\"dump\": true")]
    [InlineData("\"reserve\": false")]
    [InlineData("\"policy\": \"default\", \"host-nodes\": []")]
    [InlineData("\"prealloc\": true, \"prealloc-threads\": 2")]
    public Task A_property_that_goes_with_it_is_accepted(string property) => IsAcceptedAsync(
        $$"""{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, {{property}}}""");

    [Fact]
    public async Task What_it_is_by_nature_is_shown()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            """
            {"execute": "object-add", "arguments":
              {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, "prealloc": true}}
            """,
            """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "query-memdev"}""",
            """
            {"return": [{"id": "m", "size": 2097152, "merge": false, "dump": true, "prealloc": true, "share": true, "reserve": true,
              "host-nodes": [], "policy": "default"}]}
            """);
        await client.ExchangeAsync(
            """{"execute": "qom-get", "arguments": {"path": "/objects/m", "property": "seal"}}""", """{"return": true}""");
        await client.ExchangeAsync(
            """{"execute": "qom-set", "arguments": {"path": "/objects/m", "property": "merge", "value": true}}""",
            """
            {"error": {"class": "GenericError",
              "desc": "'guest-memfd=on' is not compatible with 'merge=on': the kernel does not merge its pages"}}
            """);
        await client.ExchangeAsync(
            """{"execute": "qom-set", "arguments": {"path": "/objects/m", "property": "guest-memfd", "value": false}}""",
            """{"error": {"class": "GenericError", "desc": "cannot change property value"}}""");
    }

    private async Task IsAcceptedAsync(string arguments)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel);
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync($$"""{"execute": "object-add", "arguments": {{arguments}}}""", """{"return": {}}""");
        Assert.Contains("CreateGuestMemfd", _kernel.Calls);
    }

    private async Task IsRefusedAsync(string arguments, string error, string options = InProcessGuest.Dimms)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, options);
        var client = await guest.ConnectAsync();
        var before = await InProcessGuest.ObserveAsync(client);
        var (descriptors, mappings) = (_kernel.OpenDescriptors, _kernel.MappingCount);

        var reply = await client.AskAsync($$"""{"execute": "object-add", "arguments": {{arguments}}}""");

        Assert.Equal(error, Description(reply));
        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
        Assert.Equal((descriptors, mappings), (_kernel.OpenDescriptors, _kernel.MappingCount));
        // Validated before anything is allocated.
        Assert.DoesNotContain("CreateGuestMemfd", _kernel.Calls);
        Assert.DoesNotContain("MemfdCreate", _kernel.Calls);
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": 4096}}""", """{"return": {}}""");
    }

    private static string Description(JsonElement reply)
    {
        Assert.Equal("GenericError", reply.GetProperty("error").GetProperty("class").GetString());
        return reply.GetProperty("error").GetProperty("desc").GetString()!;
    }
}
