using System.Net.Sockets;
using Hostmemd.Sessions;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

/// <summary>Who waits for clients: nobody is held up by the command of another.</summary>
public sealed class SessionThreadsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"hostmemd-{Guid.NewGuid():N}");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly SessionThreads _threads = new();
    private readonly List<Socket> _sockets = [];
    private readonly ManualResetEventSlim _gate = new();
    private int _blocked;

    public SessionThreadsTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
    }

    public void Dispose()
    {
        _gate.Set();
        _threads.Dispose();
        _sockets.ForEach(socket => socket.Dispose());
        _listener.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public async Task Who_comes_while_others_are_at_work_is_served_by_the_pool()
    {
        Assert.Equal("session", await ServeAsync(block: false).WaitAsync(Patience));
        Task<string?>[] blocked = [.. Enumerable.Range(0, SessionThreads.Most).Select(_ => ServeAsync(block: true))];
        await Eventually.TrueAsync(() => _blocked == SessionThreads.Most, () => $"{_blocked} at work");
        for (var i = 0; i < 3; i++)
            Assert.NotEqual("session", await ServeAsync(block: false).WaitAsync(Patience));
        Assert.All(blocked, task => Assert.False(task.IsCompleted));
        _gate.Set();
        Assert.All(await Task.WhenAll(blocked).WaitAsync(Patience), name => Assert.Equal("session", name));
        await Eventually.TrueAsync(async () => await ServeAsync(block: false).WaitAsync(Patience) == "session", () => "the pool still serves");
    }

    [Fact]
    public async Task Who_is_forgotten_or_comes_when_all_is_over_is_not_served()
    {
        var (client, server) = Pair();
        var arrivals = _threads.Watch(server.SafeHandle);
        _threads.Forget(arrivals, server.SafeHandle);
        _threads.Forget(arrivals, server.SafeHandle);
        client.Send("x"u8);
        Assert.Equal("session", await ServeAsync(block: false).WaitAsync(Patience));
        Assert.Equal(Errno.ENOENT, (await Assert.ThrowsAsync<KernelException>(async () => await _threads.NextAsync(arrivals, server.SafeHandle))).Errno);
        _threads.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _threads.Watch(server.SafeHandle));
        server.Dispose();
        _threads.Forget(arrivals, server.SafeHandle);
    }

    [Fact]
    public async Task What_comes_while_a_client_is_served_is_told_when_its_receiver_waits_again()
    {
        var (client, server) = Pair();
        var arrivals = _threads.Watch(server.SafeHandle);
        client.Send("x"u8);
        await _threads.NextAsync(arrivals, server.SafeHandle).AsTask().WaitAsync(Patience);
        client.Send("y"u8);
        await Task.Delay(100);
        // Nobody watches yet.
        var next = arrivals.NextAsync().AsTask();
        Assert.False(next.IsCompleted);
        arrivals.Tell();
        await next;
        await _threads.NextAsync(arrivals, server.SafeHandle).AsTask().WaitAsync(Patience);
    }

    /// <summary>Serves one more client, which sends at once.</summary>
    /// <returns>The name of the thread that served it.</returns>
    private Task<string?> ServeAsync(bool block)
    {
        var (client, server) = Pair();
        var serving = ReceiveAsync(server, block);
        client.Send("x"u8);
        return serving;
    }

    private async Task<string?> ReceiveAsync(Socket server, bool block)
    {
        await _threads.NextAsync(_threads.Watch(server.SafeHandle), server.SafeHandle).ConfigureAwait(false);
        var name = Thread.CurrentThread.Name;
        if (block)
        {
            Interlocked.Increment(ref _blocked);
            _gate.Wait(Patience);
        }
        // The test goes on elsewhere.
        await Task.Yield();
        return name;
    }

    private (Socket Client, Socket Server) Pair()
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(_path));
        var server = _listener.Accept();
        _sockets.AddRange([client, server]);
        return (client, server);
    }
}
