using Hostmemd.Populate;
using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>What others notice of one client's slow command: nothing but that an id is taken.</summary>
public sealed class SlowCommandTests : IAsyncLifetime, IDisposable
{
    private const ulong Size = 32 << 20;
    private const string Add =
        """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 33554432, "prealloc": true}}""";

    private const string Done = """{"return": {}}""";

    private readonly FakeKernel _kernel = new();
    private readonly SemaphoreSlim _populated = new(0);
    private InProcessGuest _guest = null!;
    private int _started;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
        // A helper process that takes as long as the test wants.
        _kernel.Child = (_, write, killed) =>
        {
            Interlocked.Increment(ref _started);
            try
            {
                _populated.Wait(killed);
            }
            catch (OperationCanceledException)
            {
                return new ProcessEnd(null, 9);
            }
            write(Report(PopulateReportKind.Done, Size));
            return new ProcessEnd(0, null);
        };
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    public void Dispose() => _populated.Dispose();

    [Fact]
    public async Task Only_the_session_that_asked_waits_and_others_see_the_object_when_it_is_there()
    {
        var (asker, other) = (await _guest.ConnectAsync(), await _guest.ConnectAsync());
        await asker.SendAsync(Add);
        await StartedAsync(1);

        await other.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
        await other.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": 4096}}""",
            """{"error": {"class": "GenericError", "desc": "attempt to add duplicate property 'm' to object (type 'container')"}}""");
        await other.ExchangeAsync(
            """{"execute": "object-del", "arguments": {"id": "m"}}""", """{"error": {"class": "GenericError", "desc": "object 'm' not found"}}""");
        await other.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "n", "size": 4096}}""", Done);
        // Nothing has come for who asked; the next that comes is the answer.
        await asker.SendAsync("""{"execute": "query-status", "id": "after"}""");
        _populated.Release();
        await asker.ExpectAsync(Done);
        await asker.ExpectAsync("""{"return": "$any", "id": "after"}""");

        await other.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
    }

    [Fact]
    public async Task A_client_that_leaves_does_not_cancel_its_object_add()
    {
        var watcher = await _guest.ConnectAsync();
        await watcher.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_ADDED"]}}""", """{"return": "$any"}""");
        var leaver = await _guest.ConnectAsync();
        await leaver.SendAsync(Add);
        await StartedAsync(1);

        await leaver.DisposeAsync();
        await watcher.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
        _populated.Release();

        await watcher.ExpectAsync("""{"timestamp": "$timestamp", "event": "MEMORY_BACKEND_ADDED", "data": "$any"}""");
        Assert.Contains("\"m\"", await watcher.QueryAsync("query-memdev"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Four_populate_at_a_time_and_the_fifth_client_gets_its_turn_as_soon_as_one_is_done()
    {
        var clients = new List<QmpClient>();
        for (var i = 0; i < 5; i++)
        {
            clients.Add(await _guest.ConnectAsync());
            await clients[i].SendAsync(Add.Replace("\"m\"", $"\"m{i}\"", StringComparison.Ordinal));
            await StartedAsync(Math.Min(i + 1, 4));
        }
        var watcher = await _guest.ConnectAsync();
        Assert.NotEqual("", await watcher.QueryAsync("query-status"));
        Assert.Equal(4, Started);

        _populated.Release(5);

        foreach (var client in clients)
            await client.ExpectAsync(Done);
        Assert.Equal(5, Started);
    }

    [Fact]
    public async Task A_failed_object_add_gives_large_memory_back_as_slow_work()
    {
        _kernel.Child = (_, write, _) =>
        {
            write(Report(PopulateReportKind.Failed, (ulong)PopulateStep.Populate, Errno.ENOMEM));
            return new ProcessEnd(2, null);
        };
        var threads = new System.Collections.Concurrent.ConcurrentBag<string?>();
        _kernel.OnCall = call =>
        {
            if (call == "Munmap")
                threads.Add(Thread.CurrentThread.Name);
        };
        var client = await _guest.ConnectAsync();

        var reply = await client.AskAsync(Add);

        Assert.EndsWith("Cannot allocate memory", reply.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
        Assert.Contains("slow-work", threads);
    }

    private int Started => Volatile.Read(ref _started);

    private Task StartedAsync(int count) => Eventually.TrueAsync(() => Started >= count, () => $"{Started} helpers were started, not {count}");

    private static byte[] Report(PopulateReportKind kind, ulong value, int errno = 0)
    {
        var bytes = new byte[PopulateReport.Size];
        new PopulateReport(kind, errno, value).Write(bytes);
        return bytes;
    }
}
