using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.GuestMemory;

/// <summary>docs/guest-memfd.md, "Making one": what the kernel takes or refuses, and what a client is told, on the real kernel.</summary>
public sealed class GuestMemfdSizeTests
{
    [KvmTheory]
    [InlineData("0", "property 'size' of memory-backend-memfd doesn't take value '0'")]
    [InlineData("1", "'size' 1 must be a multiple of the page size 4096 with 'guest-memfd=on'")]
    [InlineData("4095", "'size' 4095 must be a multiple of the page size 4096 with 'guest-memfd=on'")]
    [InlineData("4097", "'size' 4097 must be a multiple of the page size 4096 with 'guest-memfd=on'")]
    [InlineData("18446744073709551615", "'size' 18446744073709551615 must be a multiple of the page size 4096 with 'guest-memfd=on'")]
    // The kernel makes these: nothing is allocated or reserved.
    [InlineData("1125899906842624", "'size' 1125899906842624 is beyond the host's memory and swap (")]
    [InlineData("9223372036854771712", "'size' 9223372036854771712 is beyond the host's memory and swap (")]
    // And not this one: bit 63 is a sign there.
    [InlineData("9223372036854775808", "'size' 9223372036854775808 is beyond the host's memory and swap (")]
    public async Task A_size_that_cannot_be_is_refused_and_the_id_is_free(string size, string error)
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await guest.ConnectAsync();

        var reply = await client.AskAsync(Add("m", size));
        Assert.StartsWith(error, reply.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);

        await client.ExchangeAsync(Add("m", "2097152"), """{"return": {}}""");
    }

    [KvmFact]
    public Task Without_descriptors_left_the_limit_is_named_and_the_daemon_goes_on() => DaemonFixture.RunAsync(
        "-accel kvm",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            string? refusal = null;
            var made = 0;
            // Under the runtime the daemon's assemblies take some hundred of them.
            while (refusal is null && made < 500)
            {
                var reply = await client.AskAsync(Add($"m{made}", "4096"));
                if (reply.TryGetProperty("error", out var error))
                    refusal = error.GetProperty("desc").GetString();
                else
                    made++;
            }
            Assert.Matches(
                $"^no room for memory backend 'm{made}': [0-9]+ of 400 file descriptors are in use, raise the limit of open files \\(RLIMIT_NOFILE\\)$", refusal);
            // More than one: a few descriptors come and go with the daemon's other work.
            for (var i = 0; i < 8; i++)
                await client.ExchangeAsync($$$"""{"execute": "object-del", "arguments": {"id": "m{{{i}}}"} }""", """{"return": {}}""");
            await client.ExchangeAsync(Add("again", "4096"), """{"return": {}}""");
        },
        launcher: ["/bin/sh", "-c", "ulimit -n 400; exec \"$@\"", "sh"]);

    private static string Add(string id, string size) =>
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": {{{size}}}, "guest-memfd": true} }""";
}
