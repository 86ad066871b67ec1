using System.Text.Json;
using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>
/// Fails each kernel call of an operation in turn. Each time the client is told why, all is as before, and the same operation then works.
/// </summary>
public sealed class UndoTests
{
    private static readonly string[] NoSetup = [];

    /// <summary>What a full host answers, a forbidding one, and a hurried one; no path here treats one in a way of its own.</summary>
    private static readonly int[] Errnos = [Errno.ENOSPC, Errno.ENOMEM, Errno.EPERM, Errno.EINTR, Errno.EMFILE];

    [Fact]
    public Task Object_add_ram() => FailEachCallAsync(
        NoSetup, """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": 2097152}}""");

    [Fact]
    public Task Object_add_ram_shared() => FailEachCallAsync(
        NoSetup, """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": 2097152, "share": true}}""");

    [Fact]
    public Task Object_add_ram_bound_to_a_node() => FailEachCallAsync(
        NoSetup,
        """
        {"execute": "object-add", "arguments":
          {"qom-type": "memory-backend-ram", "id": "m", "size": 2097152, "policy": "bind", "host-nodes": [0], "prealloc": true}}
        """);

    [Fact]
    public Task Object_add_memfd() => FailEachCallAsync(
        NoSetup, """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}""");

    [Theory]
    [InlineData("\"share\": false, \"seal\": false")]
    [InlineData("\"reserve\": false, \"merge\": false, \"dump\": false")]
    [InlineData("\"hugetlb\": true, \"hugetlbsize\": 2097152")]
    [InlineData("\"policy\": \"interleave\", \"host-nodes\": [0], \"prealloc\": true, \"prealloc-threads\": 2")]
    public Task Object_add_memfd_with(string properties) => FailEachCallAsync(
        NoSetup,
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, {{{properties}}}} }""");

    [Theory]
    [InlineData("\"mem-path\": \"/new\"")]
    [InlineData("\"mem-path\": \"/new\", \"share\": true, \"prealloc\": true, \"policy\": \"bind\", \"host-nodes\": [0]")]
    public Task Object_add_file(string properties) => FailEachCallAsync(
        NoSetup,
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-file", "id": "m", "size": 2097152, {{{properties}}}} }""");

    [Theory]
    [InlineData("\"qom-type\": \"iothread\"")]
    [InlineData("\"qom-type\": \"thread-context\"")]
    [InlineData("\"qom-type\": \"thread-context\", \"cpu-affinity\": [1]")]
    [InlineData("\"qom-type\": \"thread-context\", \"node-affinity\": [0]")]
    public Task Object_add_of_a_thread(string properties) => FailEachCallAsync(
        NoSetup, $$$"""{"execute": "object-add", "arguments": {"id": "m", {{{properties}}}} }""");

    [Fact]
    public Task Object_add_with_prealloc_on_the_cpus_of_a_thread_context() => FailEachCallAsync(
        ["""{"execute": "object-add", "arguments": {"qom-type": "thread-context", "id": "t", "cpu-affinity": [1]}}"""],
        """
        {"execute": "object-add", "arguments":
          {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "prealloc": true, "prealloc-context": "t"}}
        """);

    [Fact]
    public Task Qom_set_cpu_affinity() => FailEachCallAsync(
        ["""{"execute": "object-add", "arguments": {"qom-type": "thread-context", "id": "t"}}"""],
        """{"execute": "qom-set", "arguments": {"path": "/objects/t", "property": "cpu-affinity", "value": [1]}}""");

    [Theory]
    [InlineData("memory-backend-shm")]
    [InlineData("memory-backend-guest-memfd")]
    public Task Object_add_with_prealloc_of(string kind) => FailEachCallAsync(
        NoSetup, $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{kind}}}", "id": "m", "size": 2097152, "prealloc": true} }""");

    [Fact]
    public Task Object_add_memfd_with_prealloc() => FailEachCallAsync(
        NoSetup,
        """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "prealloc": true}}""");

    [Fact]
    public Task Object_add_memfd_of_huge_pages() => FailEachCallAsync(
        NoSetup, """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "hugetlb": true}}""");

    [Fact]
    public Task Object_add_memfd_of_huge_pages_bound_to_a_node() => FailEachCallAsync(
        NoSetup,
        """
        {"execute": "object-add", "arguments":
          {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "hugetlb": true, "policy": "bind", "host-nodes": [0]}}
        """);

    [Fact]
    public Task Object_add_guest_memfd() => FailEachCallAsync(
        NoSetup,
        """
        {"execute": "object-add", "arguments":
          {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true, "prealloc": true}}
        """);

    [Fact]
    public Task Qom_set_prealloc() => FailEachCallAsync(
        ["""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}"""],
        """{"execute": "qom-set", "arguments": {"path": "/objects/m", "property": "prealloc", "value": true}}""");

    [Fact]
    public Task Qom_set_merge() => FailEachCallAsync(
        ["""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}}"""],
        """{"execute": "qom-set", "arguments": {"path": "/objects/m", "property": "merge", "value": false}}""");

    [Fact]
    public Task Device_add() => FailEachCallAsync(
        ["""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true}}"""],
        """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""");

    [Theory]
    [InlineData("-machine q35 -m 64M")]
    [InlineData("-machine q35 -m 4G")]
    public async Task Start_with_ram(string arguments)
    {
        var rehearsal = new FakeKernel();
        await (await InProcessGuest.StartAsync(rehearsal, arguments)).DisposeAsync();
        var calls = rehearsal.Calls.ToArray();
        Assert.Contains("SetUserMemoryRegion2", calls);
        var failures = 0;

        foreach (var (method, nth) in EachCall(calls))
        {
            var kernel = new FakeKernel();
            kernel.FailAt(method, nth, Errno.ENOSPC);
            try
            {
                // What only the end of the guest calls, or what may fail, fails nothing here.
                await (await InProcessGuest.StartAsync(kernel, arguments)).DisposeAsync();
            }
            catch (Exception e) when (e is KernelException or Protocol.Errors.QmpException)
            {
                failures++;
                Assert.Contains(Errno.Text(Errno.ENOSPC), e.Message, StringComparison.Ordinal);
                Assert.Equal((method, nth, 0, 0), (method, nth, kernel.OpenDescriptors, kernel.MappingCount));
                await (await InProcessGuest.StartAsync(kernel, arguments)).DisposeAsync();
            }
        }

        Assert.True(failures > 10, $"only {failures} of {calls.Length} calls failed the start");
    }

    private static async Task FailEachCallAsync(string[] setup, string request)
    {
        string[] calls;
        await using (var rehearsal = await InProcessGuest.StartAsync(new FakeKernel()))
        {
            var client = await PrepareAsync(rehearsal, setup);
            var first = KernelOf(rehearsal).Calls.Count;
            await client.ExchangeAsync(request, """{"return": {}}""");
            // What follows makes the memory known to others; where that fails nobody can open it, and no more.
            calls = [.. KernelOf(rehearsal).Calls.Skip(first).TakeWhile(call => call is not (nameof(IKernel.Fchmod) or nameof(IKernel.EpollCreate)))];
        }
        Assert.NotEmpty(calls);

        foreach (var (method, nth, errno) in EachCall(calls).SelectMany(call => Errnos.Select(errno => (call.Method, call.Nth, errno))))
        {
            await using var guest = await InProcessGuest.StartAsync(new FakeKernel());
            var kernel = KernelOf(guest);
            var client = await PrepareAsync(guest, setup);
            await client.ExchangeAsync(
                """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_ADDED", "MEMORY_SLOT_ADDED"]}}""", """{"return": "$any"}""");
            var before = await InProcessGuest.ObserveAsync(client);
            var held = (kernel.OpenDescriptors, kernel.MappingCount);

            kernel.FailAt(method, nth, errno);
            var reply = await client.AskAsync(request);

            AssertNamesTheCause(reply, errno, $"{method} #{nth}");
            // Equal queries: the generation in query-memory-slots too. And no event came before or after the error.
            Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
            Assert.Equal((method, nth, held), (method, nth, (kernel.OpenDescriptors, kernel.MappingCount)));
            Assert.Empty(guest.Sink.Errors);

            var again = await client.AskAsync(request);
            if (again.TryGetProperty("event", out _))
                again = await client.ReceiveAsync();
            Assert.True(again.TryGetProperty("return", out _), $"after {method} #{nth}: {again.GetRawText()}");
        }
    }

    private static void AssertNamesTheCause(JsonElement reply, int errno, string failed)
    {
        Assert.True(reply.TryGetProperty("error", out var error), $"{failed}: {reply.GetRawText()}");
        Assert.Equal("GenericError", error.GetProperty("class").GetString());
        Assert.True(error.GetProperty("desc").GetString()!.Contains(Errno.Text(errno), StringComparison.Ordinal), $"{failed}: {error.GetRawText()}");
    }

    private static async Task<QmpClient> PrepareAsync(InProcessGuest guest, string[] setup)
    {
        var client = await guest.ConnectAsync();
        foreach (var request in setup)
            await client.ExchangeAsync(request, """{"return": {}}""");
        return client;
    }

    private static FakeKernel KernelOf(InProcessGuest guest) => (FakeKernel)guest.Guest.Kernel;

    /// <summary>Each call as the n-th of its method.</summary>
    private static IEnumerable<(string Method, int Nth)> EachCall(string[] calls) =>
        calls.Select((method, index) => (method, calls.Take(index + 1).Count(other => other == method)));
}
