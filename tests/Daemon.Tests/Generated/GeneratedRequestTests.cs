using System.Globalization;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>
/// 500 object-add and qom-set requests, generated from the schema with a fixed seed, and the replies of QEMU 11.1.3, kept in
/// requests.jsonl. Ours must be equal, but for those in differences.txt, which must differ.
/// HOSTMEMD_RECORD_FROM=qemu-system-x86_64 records them anew.
/// </summary>
public sealed class GeneratedRequestTests(ITestOutputHelper output)
{
    private const ulong Seed = 11_01_03;
    private const int Count = 500;

    private static readonly string Requests = InTree("requests.jsonl");

    private static IEnumerable<IReadOnlyList<string>> Groups => new RequestGenerator(Seed).EachPropertyThenAtRandom(Count);

    [Fact]
    public async Task Generated_requests_are_answered_as_QEMU_answers()
    {
        if (Environment.GetEnvironmentVariable("HOSTMEMD_RECORD_FROM") is { Length: > 0 } program)
            RecordedRequest.Save(Requests, await QemuRecorder.RecordAsync(program, Groups));
        var recorded = RecordedRequest.Load(Requests);
        Assert.Equal(
            Groups.SelectMany((group, index) => group.Select(request => (index, request))), recorded.Select(line => (line.Group, line.Request)));
        Assert.Equal(Count, recorded.Count);

        var wrong = new List<string>();
        var compared = 0;
        var differences = Differences();
        Assert.Empty(differences.Keys.Except(recorded.Select(line => line.Line)));
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        await using var client = await guest.ConnectAsync();
        using var scratch = new ScratchFolder();
        var replay = new RequestReplay(client, scratch);
        foreach (var group in recorded.GroupBy(line => line.Group))
        {
            if (Lacking(group) is { } lacking)
            {
                output.WriteLine($"group {group.Key} left out: {lacking}");
                continue;
            }
            foreach (var (line, reply) in group.Zip(await replay.RunAsync(group.Select(line => line.Request))))
            {
                compared++;
                var listed = differences.GetValueOrDefault(line.Line);
                var equal = Equal(line.Reply, reply);
                if (equal && listed is not null)
                    wrong.Add($"line {line.Line} is equal now: remove it from differences.txt ({listed})");
                if (!equal && listed is null)
                    wrong.Add($"line {line.Line}, group {line.Group}: {line.Request}\n  QEMU {line.Reply}\n  ours {reply}");
            }
        }
        output.WriteLine($"{compared} compared, {differences.Count} listed as different, {wrong.Count} wrong");
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {compared}:\n{string.Join('\n', wrong)}");
        Assert.Empty(guest.Sink.Errors);
    }

    private static bool Equal(string expected, string got)
    {
        using var left = JsonDocument.Parse(expected);
        using var right = JsonDocument.Parse(got);
        return JsonElement.DeepEquals(left.RootElement, right.RootElement);
    }

    /// <summary>What the recorded answers rest on and this host has not: no huge pages, one node.</summary>
    private static string? Lacking(IEnumerable<RecordedRequest> group)
    {
        var text = string.Concat(group.Select(line => line.Request));
        if (text.Contains("\"hugetlb\"", StringComparison.Ordinal)
            && File.ReadLines("/proc/meminfo").Any(line =>
                line.StartsWith("HugePages_Free:", StringComparison.Ordinal) && !line.EndsWith(" 0", StringComparison.Ordinal)))
            return "this host has huge pages";
        return (text.Contains("host-nodes", StringComparison.Ordinal) || text.Contains("node-affinity", StringComparison.Ordinal))
            && Directory.Exists("/sys/devices/system/node/node1") ? "this host has several nodes" : null;
    }

    /// <summary>Lines of requests.jsonl with the reason why ours differs.</summary>
    private static Dictionary<int, string> Differences() => File.ReadLines(InTree("differences.txt"))
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split(": ", 2))
        .ToDictionary(parts => int.Parse(parts[0], CultureInfo.InvariantCulture), parts => parts[1]);

    private static string InTree(string name)
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "Daemon.sln")))
            at = at.Parent ?? throw new InvalidOperationException("not in a checkout");
        return Path.Combine(at.FullName, "tests", "Daemon.Tests", "Generated", name);
    }
}
