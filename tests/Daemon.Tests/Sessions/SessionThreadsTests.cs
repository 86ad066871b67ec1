using System.Net.Sockets;
using Hostmemd.Sessions;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

/// <summary>Who waits for clients: nobody is held up by the command of another while there are threads left.</summary>
public sealed class SessionThreadsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"hostmemd-{Guid.NewGuid():N}");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly SessionThreads _threads = new();
    private readonly List<Socket> _sockets = [];
    private readonly ManualResetEventSlim _gate = new();

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
    public async Task While_some_are_at_work_others_are_served_and_beyond_the_limit_they_wait()
    {
        var blocked = new List<Task<string?>>();
        for (var i = 0; i < SessionThreads.MaxThreads - 1; i++)
            blocked.Add(ServeAsync(block: true));
        Assert.Equal("session", await ServeAsync(block: false).WaitAsync(Patience));
        blocked.Add(ServeAsync(block: true));
        var late = ServeAsync(block: false);
        await Task.Delay(100);
        Assert.All(blocked, task => Assert.False(task.IsCompleted));
        Assert.False(late.IsCompleted);
        _gate.Set();
        Assert.All(await Task.WhenAll([.. blocked, late]).WaitAsync(Patience), name => Assert.Equal("session", name));
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
        Assert.False(arrivals.NextAsync().AsTask().IsCompleted);
        _threads.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _threads.Watch(server.SafeHandle));
        server.Dispose();
        _threads.Forget(arrivals, server.SafeHandle);
    }

    /// <summary>Serves one more client, which sends at once.</summary>
    /// <returns>The name of the thread that served it.</returns>
    private async Task<string?> ServeAsync(bool block)
    {
        var (client, server) = Pair();
        var arrivals = _threads.Watch(server.SafeHandle);
        var next = arrivals.NextAsync().AsTask();
        client.Send("x"u8);
        await next.ConfigureAwait(false);
        if (block)
            _gate.Wait(Patience);
        return Thread.CurrentThread.Name;
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
