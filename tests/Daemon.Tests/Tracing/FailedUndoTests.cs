using System.Globalization;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>What the kernel does not take back from the real program is kept, and given to nobody; everything else goes on.</summary>
public sealed class FailedUndoTests
{
    private const int Tries = 10;
    private const string Delete = """{"execute": "object-del", "arguments": {"id": "m"}}""";

    private static readonly FaultCase Bound = new("memfd", "memory-backend-memfd", "\"policy\": \"bind\", \"host-nodes\": [0]");

    [StraceFact]
    public Task A_backend_that_cannot_be_unmapped_stays_listed_and_its_id_taken() => DaemonFixture.RunAsync(
        "-keep none",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            var (before, failed) = await FailDeletionAsync(daemon, client);

            const string kept = "memory backend 'm' could not be released (Cannot allocate memory); it is kept and its id is not reused";
            Assert.Contains(kept, failed.Reply, StringComparison.Ordinal);
            Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
            Assert.Equal(1, ProcessResources.Mappings("memory-backend-memfd", daemon.Pid));
            await client.ExchangeAsync(Delete, $$$"""{"error": {"class": "GenericError", "desc": "{{{kept}}}"} }""");
            await client.ExchangeAsync(
                Bound.Request(daemon.Directory),
                """{"error": {"class": "GenericError", "desc": "attempt to add duplicate property 'm' to object (type 'container')"}}""");
            await OthersGoOnAsync(client);
            await Eventually.TrueAsync(() => daemon.Log.Contains("quarantined", StringComparison.Ordinal), () => daemon.Log);
        },
        quiet: true);

    [StraceFact]
    public Task An_address_range_that_an_undo_cannot_unmap_is_given_to_nobody() => DaemonFixture.RunAsync(
        "-keep none",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            var failed = await FailUndoAsync(daemon, client);

            Assert.Contains(
                "cannot bind memory to host NUMA nodes: No space left on device; what was mapped could not be unmapped again, id 'm' is not reused",
                failed.Reply, StringComparison.Ordinal);
            await client.ExchangeAsync(
                Bound.Request(daemon.Directory),
                """{"error": {"class": "GenericError", "desc": "attempt to add duplicate property 'm' to object (type 'container')"}}""");
            Assert.Equal(Bound.Size + 4096, new BackendTrace(failed.All, Bound.Size).NotUnmapped);
            await OthersGoOnAsync(client);
            Assert.Equal(1, ProcessResources.Mappings("memory-backend-memfd", daemon.Pid));
            await Eventually.TrueAsync(() => daemon.Log.Contains("Guest memory leaked", StringComparison.Ordinal), () => daemon.Log);
        },
        quiet: true);

    /// <summary>Until it is the backend's own munmap that is hit: on each thread the first one fails.</summary>
    private static async Task<(string Before, Injected Failed)> FailDeletionAsync(DaemonFixture daemon, QmpClient client)
    {
        await AddAndDeleteAsync(daemon, client);
        for (var tried = 0; tried < Tries; tried++)
        {
            await client.ExchangeAsync(Bound.Request(daemon.Directory), """{"return": {}}""");
            var before = await InProcessGuest.ObserveAsync(client);
            var failed = await InjectAsync(daemon, client, Delete, "munmap:error=ENOMEM:when=1");
            if (failed.Calls.Any(call => call.NumberAt(1) == Bound.Size + 4096))
                return (before, failed);
        }
        throw new Xunit.Sdk.XunitException("the backend's munmap was not hit");
    }

    /// <summary>Fails mbind, sees what the undo then calls and where in its thread's row, and fails that too.</summary>
    private static async Task<Injected> FailUndoAsync(DaemonFixture daemon, QmpClient client)
    {
        const string noBinding = "mbind:error=ENOSPC:when=1";
        var add = Bound.Request(daemon.Directory);
        await AddAndDeleteAsync(daemon, client);
        for (var tried = 0; tried < Tries; tried++)
        {
            var rehearsal = await InjectAsync(daemon, client, add, noBinding);
            var undo = rehearsal.All.First(IsUndo);
            var unmapping = string.Create(CultureInfo.InvariantCulture, $"munmap:error=ENOMEM:when={FaultRun.Place(rehearsal.All, undo)}");
            var failed = await InjectAsync(daemon, client, add, noBinding, unmapping);
            if (failed.Calls.Any(IsUndo))
                return failed;
        }
        throw new Xunit.Sdk.XunitException("the undo's munmap was not hit");
    }

    /// <summary>What is compiled when it is first used is compiled then: later calls are the backend's.</summary>
    private static async Task AddAndDeleteAsync(DaemonFixture daemon, QmpClient client)
    {
        for (var round = 0; round < 3; round++)
        {
            await client.ExchangeAsync(Bound.Request(daemon.Directory), """{"return": {}}""");
            await client.ExchangeAsync(Delete, """{"return": {}}""");
        }
    }

    private static bool IsUndo(TraceCall call) => call.Name == "munmap" && call.NumberAt(1) == Bound.Size + 4096;

    private static async Task<Injected> InjectAsync(DaemonFixture daemon, QmpClient client, string request, params string[] injections)
    {
        await using var strace = await Strace.AttachAsync(daemon.Pid, injections);
        var reply = await client.AskAsync(request);
        var all = await strace.DetachAsync();
        return new Injected(reply.GetRawText(), all);
    }

    private static async Task OthersGoOnAsync(QmpClient client)
    {
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "other", "size": 4194304}}""", """{"return": {}}""");
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "other"}}""", """{"return": {}}""");
    }

    private sealed record Injected(string Reply, IReadOnlyList<TraceCall> All)
    {
        public IEnumerable<TraceCall> Calls => All.Where(call => call.IsInjected);
    }
}
