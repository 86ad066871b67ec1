using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>The probe vCPU is made when it is first used; here each of its kernel calls fails in turn, on the real kernel.</summary>
public sealed class ProbeStartTests
{
    private const string Read = """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 0}}""";

    /// <summary>More calls than making a probe and one access take.</summary>
    private const int MostCalls = 200;

    [KvmFact]
    public async Task A_failed_start_names_the_cause_leaves_nothing_and_can_be_repeated()
    {
        var kernel = new FailingKernel(new LinuxKernel());
        var failures = 0;
        for (var nth = 1; nth < MostCalls; nth++)
        {
            await using var guest = await InProcessGuest.StartAsync(kernel, "-machine q35 -m 2M");
            var client = await guest.ConnectAsync();
            var before = await InProcessGuest.ObserveAsync(client);
            var held = Held();

            kernel.FailAt(nth);
            var reply = await client.AskAsync(Read);
            if (!kernel.HasFailed)
                break;
            if (reply.TryGetProperty("error", out var error))
            {
                failures++;
                Assert.Contains(Errno.Text(Errno.ENOSPC), error.GetProperty("desc").GetString(), StringComparison.Ordinal);
                if (error.GetProperty("class").GetString() == "KVMMissingCap")
                {
                    Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
                    Assert.Equal($"{error}\n{held}", $"{error}\n{Held()}");
                }
            }
            await client.ExchangeAsync(Read, """{"return": {"$object-with": {"outcome": "done", "equal": true}}}""");
            Assert.Empty(guest.Sink.Errors);
        }

        Assert.True(failures > 10, $"only {failures} calls failed the start");
    }

    [KvmFact]
    public async Task A_guest_whose_probe_cannot_be_released_still_gives_its_memory_back()
    {
        var kernel = new FailingKernel(new LinuxKernel());
        var held = ProcessResources.Count("memfd:");
        var guest = await InProcessGuest.StartAsync(kernel, "-machine q35 -m 2M");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""", """{"return": {}}""");
        await client.ExchangeAsync(Read, """{"return": {"$object-with": {"outcome": "done"}}}""");
        Assert.Equal(held + 1, ProcessResources.Count("memfd:"));

        // The first call at the end is the deletion of the probe's slot.
        kernel.FailAt(1);
        await guest.DisposeAsync();

        Assert.True(kernel.HasFailed);
        Assert.Single(guest.Sink.Errors);
        Assert.Equal(held, ProcessResources.Count("memfd:"));
    }

    private static string Held() =>
        string.Join("\n", ProcessResources.Descriptors().Where(target => target.Contains("kvm", StringComparison.Ordinal)))
        + $"\n{ProcessResources.Mappings("kvm")} mappings";
}
