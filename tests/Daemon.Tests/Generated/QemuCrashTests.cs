using Xunit;

namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>Requests that end QEMU 11.1.3, so that they are not among the recorded ones.</summary>
public sealed class QemuCrashTests
{
    [Theory]
    [InlineData("-1", "")]
    [InlineData("18446744073709551615", "")]
    [InlineData("-4095", ", \"reserve\": false")]
    [InlineData("-4096", ", \"reserve\": false")]
    [InlineData("-8192", ", \"reserve\": false")]
    [InlineData("-2097152", ", \"reserve\": false, \"share\": true")]
    public async Task Sizes_within_an_alignment_of_the_largest_number_are_refused(string size, string more)
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        await using var client = await guest.ConnectAsync();
        var before = await InProcessGuest.ObserveAsync(client);
        var mappings = ProcessResources.Mappings("memfd:m");

        await client.ExchangeAsync(
            $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": {{{size}}}{{{more}}}} }""",
            """{"error": {"class": "GenericError", "desc": "$str"}}""");

        Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
        Assert.Equal(mappings, ProcessResources.Mappings("memfd:m"));
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": 4096}}""", """{"return": {}}""");
    }

    [Fact]
    public async Task A_file_that_is_shared_and_read_only_is_populated()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        await using var client = await guest.ConnectAsync();
        using var scratch = new ScratchFolder();
        scratch.Fill();

        await client.ExchangeAsync(
            $$$"""
            {"execute": "object-add", "arguments": {"qom-type": "memory-backend-file", "id": "m", "size": 2097152,
              "mem-path": "{{{scratch.Path}}}/two", "readonly": true, "share": true, "prealloc": true} }
            """,
            """{"return": {}}""");

        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
        Assert.Equal(0, ProcessResources.Mappings(scratch.Path));
    }
}
