using System.Globalization;
using Hostmemd.Populate;
using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>iothread and thread-context: their threads are real, and so is what they are bound to.</summary>
public sealed class ThreadObjectTests
{
    [Fact]
    public async Task A_thread_context_runs_where_it_says()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "thread-context", "id": "t", "cpu-affinity": [0]}}""", """{"return": {}}""");
        var tid = guest.Guest.State.Threads["t"].Thread.Tid;

        Assert.Equal("0", AllowedCpus(tid));
        await client.ExchangeAsync(
            """{"execute": "qom-set", "arguments": {"path": "/objects/t", "property": "node-affinity", "value": [0]}}""", """{"return": {}}""");
        Assert.Equal((await File.ReadAllTextAsync("/sys/devices/system/node/node0/cpulist")).Trim(), AllowedCpus(tid));
    }

    [Fact]
    public async Task The_process_that_populates_is_told_where_its_threads_run_and_what_is_theirs()
    {
        var orders = new List<string>();
        var kernel = new FakeKernel
        {
            Child = (options, write, _) =>
            {
                orders.Add(options.Arguments[^1]);
                var report = new byte[PopulateReport.Size];
                new PopulateReport(PopulateReportKind.Done, 0, 32 << 20).Write(report);
                write(report);
                return new ProcessEnd(0, null);
            },
        };
        await using var guest = await InProcessGuest.StartAsync(kernel, "-accel none");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "thread-context", "id": "t", "cpu-affinity": [1]}}""", """{"return": {}}""");
        await client.ExchangeAsync(
            """
            {"execute": "object-add", "arguments":
              {"qom-type": "memory-backend-file", "id": "m", "size": 33554432, "mem-path": "/new", "offset": 8192, "share": true,
               "prealloc": true, "prealloc-context": "t", "policy": "bind", "host-nodes": [0]}}
            """,
            """{"return": {}}""");

        Assert.Equal("offset=8192,length=33554432,threads=1,read=0,policy=2,nodes=0,cpus=1", Assert.Single(orders));
    }

    [Fact]
    public async Task Threads_that_populate_in_process_run_where_their_context_does()
    {
        var kernel = new FakeKernel();
        await using var guest = await InProcessGuest.StartAsync(kernel, "-accel none");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "thread-context", "id": "t", "cpu-affinity": [1]}}""", """{"return": {}}""");
        Assert.Single(kernel.Calls, nameof(IKernel.SetAffinity));
        await client.ExchangeAsync(
            """
            {"execute": "object-add", "arguments":
              {"qom-type": "memory-backend-ram", "id": "m", "size": 2097152, "prealloc": true, "prealloc-context": "t"}}
            """,
            """{"return": {}}""");

        Assert.Equal(2, kernel.Calls.Count(call => call == nameof(IKernel.SetAffinity)));
        Assert.Equal([1], kernel.Affinity);
    }

    [Fact]
    public async Task A_thread_goes_with_its_object()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        foreach (var type in new[] { "iothread", "thread-context" })
        {
            await client.ExchangeAsync(
                $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "t"}}""", """{"return": {}}""");
            var task = $"/proc/self/task/{guest.Guest.State.Threads["t"].Thread.Tid}";
            Assert.True(Directory.Exists(task));
            await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "t"}}""", """{"return": {}}""");
            await Eventually.TrueAsync(() => !Directory.Exists(task), () => "the thread is still there");
        }
    }

    [Fact]
    public async Task A_backend_forgets_a_thread_context_that_is_gone()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        foreach (var (request, answer) in new[]
        {
            ("""{"execute": "object-add", "arguments": {"qom-type": "thread-context", "id": "t"}}""", """{"return": {}}"""),
            ("""
             {"execute": "object-add", "arguments":
               {"qom-type": "memory-backend-ram", "id": "m", "size": 8192, "prealloc": true, "prealloc-context": "t"}}
             """, """{"return": {}}"""),
            ("""{"execute": "qom-get", "arguments": {"path": "/objects/m", "property": "prealloc-context"}}""", """{"return": "/objects/t"}"""),
            ("""{"execute": "object-del", "arguments": {"id": "t"}}""", """{"return": {}}"""),
            ("""{"execute": "qom-get", "arguments": {"path": "/objects/m", "property": "prealloc-context"}}""", """{"return": ""}"""),
        })
            await client.ExchangeAsync(request, answer);
    }

    [Fact]
    public async Task A_thread_context_that_cannot_be_bound_leaves_nothing()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "thread-context", "id": "t", "node-affinity": [77]}}""",
            """{"error": {"class": "GenericError", "desc": "The nodes select no CPUs"}}""");
        await client.ExchangeAsync("""{"execute": "object-add", "arguments": {"qom-type": "iothread", "id": "t"}}""", """{"return": {}}""");
    }

    private static string AllowedCpus(int tid) => File
        .ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{tid}/status"))
        .First(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal))["Cpus_allowed_list:".Length..].Trim();
}
