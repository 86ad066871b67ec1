using System.Diagnostics;
using System.Text.Json;
using Hostmemd.Protocol.Errors;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>
/// Random object-add and qom-set requests on the real kernel, of other seeds than the recorded ones: one reply each, and nothing is left.
/// HOSTMEMD_LONG=1 sends 100,000.
/// </summary>
public sealed class RandomRequestTests(ITestOutputHelper output)
{
    private const ulong Seed = 2026;

    private static readonly int Count = Environment.GetEnvironmentVariable("HOSTMEMD_LONG") == "1" ? 100_000 : 20_000;

    /// <summary>Requests before memory is looked at: the runtime has compiled and mapped by then what it needs.</summary>
    private static readonly int Settled = Count / 5;

    /// <summary>What the runtime may map meanwhile; a leak in one of a hundred requests is more.</summary>
    private static readonly int OthersMappings = Count / 200;

    private static readonly HashSet<string> Classes = [.. Enum.GetNames<QmpErrorClass>()];

    [Fact]
    public async Task Random_requests_get_one_reply_each_and_leave_nothing()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        await using var client = await guest.ConnectAsync();
        using var scratch = new ScratchFolder();
        var replay = new RequestReplay(client, scratch);
        var empty = await ObjectsAsync(client);
        List<string> descriptors = [];
        var (mappings, managed, resident, done, succeeded) = (0, 0L, 0L, 0, 0);
        var classes = new SortedDictionary<string, int>();
        var clock = Stopwatch.StartNew();

        foreach (var group in new RequestGenerator(Seed).AtRandom(Count))
        {
            if (descriptors.Count == 0 && done >= Settled)
            {
                (mappings, managed, resident) = (ProcessResources.Mappings(), GC.GetTotalMemory(forceFullCollection: true), Resident());
                descriptors = DescriptorsOfOurs();
            }
            // A reply more or less shows in the next group: then the listing of what is to be removed is not what was asked for.
            foreach (var reply in await replay.RunAsync(group))
            {
                done++;
                using var parsed = JsonDocument.Parse(reply);
                if (parsed.RootElement.TryGetProperty("return", out var result))
                {
                    Assert.Equal("{}", result.GetRawText());
                    succeeded++;
                    continue;
                }
                var error = parsed.RootElement.GetProperty("error");
                var errorClass = error.GetProperty("class").GetString()!;
                Assert.Contains(errorClass, Classes);
                Assert.NotEqual("", error.GetProperty("desc").GetString());
                classes[errorClass] = classes.GetValueOrDefault(errorClass) + 1;
            }
        }

        var grown = GC.GetTotalMemory(forceFullCollection: true) - managed;
        output.WriteLine($"{done} requests, {clock.Elapsed.TotalMicroseconds / done:0} us each, {succeeded} done");
        output.WriteLine($"errors: {string.Join(", ", classes)}");
        output.WriteLine($"mappings {mappings}, now {ProcessResources.Mappings()}");
        output.WriteLine($"heap grown by {grown >> 10} KiB, resident by {(Resident() - resident) >> 10} KiB");
        Assert.Equal(Count, done);
        Assert.InRange(succeeded, Count / 10, Count);
        Assert.Equal(empty, await ObjectsAsync(client));
        Assert.Empty(guest.Sink.Errors);
        Assert.Equal(descriptors, DescriptorsOfOurs());
        Assert.Equal(0, ProcessResources.Mappings("memory-backend-memfd"));
        Assert.Equal(0, ProcessResources.Mappings(scratch.Path));
        Assert.InRange(ProcessResources.Mappings(), 0, mappings + OthersMappings);
        Assert.InRange(grown, long.MinValue, 4 << 20);
    }

    private static async Task<string> ObjectsAsync(QmpClient client) => await client.QueryAsync("query-memdev")
        + (await client.AskAsync("""{"execute": "qom-list", "arguments": {"path": "/objects"}}""")).GetRawText();

    /// <summary>All but the assemblies that the runtime opens when it needs them.</summary>
    private static List<string> DescriptorsOfOurs() =>
        [.. ProcessResources.Descriptors().Where(target => !target.EndsWith(".dll", StringComparison.Ordinal))];

    private static long Resident() => ProcessResources.Resident(Environment.ProcessId);
}
