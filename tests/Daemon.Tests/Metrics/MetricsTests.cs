using System.Globalization;
using System.Text.RegularExpressions;
using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Metrics;
using Xunit;

namespace Hostmemd.Daemon.Tests.Metrics;

/// <summary>Figures for those who watch many daemons.</summary>
public sealed partial class MetricsTests
{
    [Fact]
    public Task Figures_follow_what_is_done() => DaemonFixture.RunAsync("-accel none -machine q35 -m 0,slots=3,maxmem=1G", async daemon =>
    {
        await using var client = await daemon.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""", """{"return": {}}""");
        await client.ExchangeAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
        await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "none"}}""");
        // Anybody can make up names.
        for (var i = 0; i < 20; i++)
            await client.AskAsync($$"""{"execute": "made-up-{{i}}"}""");

        var samples = Samples(await TextAsync(client));

        Assert.Equal(1, samples["""hostmemd_info{version="hostmemd 0.1.0",accelerator="none",machine="pc-q35-11.1"}"""]);
        Assert.Equal(1, samples["""hostmemd_backends{type="memory-backend-memfd"}"""]);
        Assert.Equal(0, samples["""hostmemd_backends{type="memory-backend-file"}"""]);
        Assert.Equal(2097152, samples["""hostmemd_backend_bytes{type="memory-backend-memfd"}"""]);
        Assert.Equal(1, samples["""hostmemd_loans{state="free"}"""]);
        Assert.Equal((1, 3), (samples["hostmemd_dimms"], samples["hostmemd_dimms_max"]));
        Assert.Equal(1, samples["""hostmemd_commands_total{command="object-add",result="ok"}"""]);
        Assert.Equal(1, samples["""hostmemd_commands_total{command="object-del",result="GenericError"}"""]);
        Assert.Equal(20, samples["""hostmemd_commands_total{command="unknown",result="CommandNotFound"}"""]);
        Assert.DoesNotContain(samples.Keys, name => name.Contains("made-up", StringComparison.Ordinal));
        // Everything but query-metrics itself, which is at work.
        var commands = samples.Where(sample => sample.Key.StartsWith("hostmemd_commands_total", StringComparison.Ordinal)).Sum(sample => sample.Value);
        Assert.Equal(commands, samples["hostmemd_command_duration_seconds_count"]);
        Assert.Equal(commands, samples["""hostmemd_command_duration_seconds_bucket{le="+Inf"}"""]);
        Assert.True(samples["hostmemd_command_duration_seconds_sum"] > 0);
        var buckets = samples.Where(sample => sample.Key.Contains("_bucket", StringComparison.Ordinal)).Select(sample => sample.Value).ToList();
        Assert.Equal(buckets.Order(), buckets);
        // Another waited for the daemon's start, and leaves when it likes.
        await Eventually.TrueAsync(async () => Samples(await TextAsync(client))["hostmemd_clients"] == 1, () => "another client has not left");
    });

    [Fact]
    public Task The_socket_gives_the_same_over_HTTP_and_nothing_else() => DaemonFixture.RunAsync(
        "-accel none -metrics unix:{dir}/metrics,mode=0600", async daemon =>
        {
            var path = daemon.Directory + "/metrics";
            Assert.Equal((UnixFileMode)0x180, File.GetUnixFileMode(path));
            var (head, body) = await GetAsync(path, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n", head, StringComparison.Ordinal);
            Assert.Contains($"Content-Length: {body.Length}\r\n", head, StringComparison.Ordinal);
            await using var client = await daemon.ConnectAsync();
            Assert.Equal(Names(body), Names(await TextAsync(client)).Where(name => !name.Contains("_commands", StringComparison.Ordinal)));

            Assert.StartsWith("HTTP/1.1 404", (await GetAsync(path, "GET /other HTTP/1.1\r\n\r\n")).Head, StringComparison.Ordinal);
            Assert.StartsWith("HTTP/1.1 400", (await GetAsync(path, "POST /metrics HTTP/1.1\r\n\r\n")).Head, StringComparison.Ordinal);
            Assert.StartsWith("HTTP/1.1 400", (await GetAsync(path, new string('x', 9000))).Head, StringComparison.Ordinal);

            // Readers that say nothing hold up the others for as long as they are allowed to, and the daemon's end not at all.
            var silent = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => RawClient.ConnectAsync(path)));
            daemon.Signal(DaemonFixture.SigTerm);
            Assert.Equal(0, await daemon.WaitForExitAsync());
            Assert.False(File.Exists(path));
            foreach (var reader in silent)
                reader.Dispose();
        });

    [Fact]
    public void Every_line_is_as_the_format_wants_it()
    {
        var writer = new OpenMetricsWriter();
        writer.Family("a_bytes", "gauge", "A.", "bytes");
        writer.Sample(0.5, "", "x", "q\"\\\n");
        writer.Gauge("b", "B.", 1e22);

        Assert.Equal(
            "# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# HELP a_bytes A.\na_bytes{x=\"q\\\"\\\\\\n\"} 0.5\n# TYPE b gauge\n# HELP b B.\nb 1E+22\n# EOF\n",
            writer.End());
        Assert.Equal(("1.0", "0.25", "1E-05"), (OpenMetricsWriter.Bound(1), OpenMetricsWriter.Bound(0.25), OpenMetricsWriter.Bound(0.00001)));
    }

    internal static async Task<string> TextAsync(QmpClient client)
    {
        var reply = (await client.AskAsync("""{"execute": "query-metrics"}""")).GetProperty("return");
        Assert.Equal("openmetrics", reply.GetProperty("format").GetString());
        Assert.Equal("application/openmetrics-text; version=1.0.0; charset=utf-8", reply.GetProperty("content-type").GetString());
        return reply.GetProperty("text").GetString()!;
    }

    private static async Task<(string Head, string Body)> GetAsync(string path, string request)
    {
        using var reader = await RawClient.ConnectAsync(path);
        await reader.SendAsync(request);
        var text = "";
        try
        {
            for (string part; (part = await reader.ReadOnceAsync()).Length > 0;)
                text += part;
        }
        catch (System.Net.Sockets.SocketException)
        {
            // It left some of a request that was too long.
        }
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        return (text[..(end + 2)], text[(end + 4)..]);
    }

    private static Dictionary<string, double> Samples(string text)
    {
        Assert.EndsWith("\n# EOF\n", text, StringComparison.Ordinal);
        var lines = text.Split('\n')[..^2];
        Assert.All(lines, line => Assert.Matches(Line(), line));
        return lines.Where(line => line[0] != '#').Select(line => line.LastIndexOf(' ') is var at ? (line[..at], line[(at + 1)..]) : default)
            .ToDictionary(sample => sample.Item1, sample => double.Parse(sample.Item2, CultureInfo.InvariantCulture));
    }

    private static IEnumerable<string> Names(string text) =>
        text.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line[..line.LastIndexOf(' ')])
            .Where(name => !name.StartsWith("hostmemd_commands", StringComparison.Ordinal));

    [GeneratedRegex("""^(# (TYPE|UNIT|HELP) hostmemd[a-z_]* .+|hostmemd[a-z_]*(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.E+-]+)$""")]
    private static partial Regex Line();
}
