using System.Net.Sockets;
using System.Text;

namespace Hostmemd.Conformance.Transcript;

/// <summary>A server on a real socket that does what the test says, once for each connection.</summary>
internal sealed class ScriptedServer : IDisposable
{
    private readonly ScratchDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Queue<Func<Stream, Task>> _scripts;

    public ScriptedServer(params Func<Stream, Task>[] scripts)
    {
        _scripts = new Queue<Func<Stream, Task>>(scripts);
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.SocketPath));
        _listener.Listen();
    }

    public string SocketPath => _directory.SocketPath;

    /// <summary>Plays the lines of a transcript against this server.</summary>
    /// <param name="timeout">For each step; more than any takes when not given.</param>
    public Task PlayAsync(string transcript, Action<string>? observer = null, TimeSpan? timeout = null) =>
        TranscriptPlayer.PlayAsync(
            TranscriptFile.Parse("test.qmp", transcript),
            new TranscriptSession
            {
                Connect = ConnectAsync,
                Directory = _directory.Path,
                StepTimeout = timeout ?? TimeSpan.FromSeconds(20),
                Settle = TimeSpan.FromMilliseconds(400),
                Observer = observer,
            },
            CancellationToken.None);

    public void Dispose()
    {
        _listener.Dispose();
        _directory.Dispose();
    }

    /// <summary>Reads up to and including one LF.</summary>
    public static async Task<string> ReadLineAsync(Stream client)
    {
        var line = new List<byte>();
        byte[] one = new byte[1];
        while (await client.ReadAsync(one) > 0)
        {
            line.Add(one[0]);
            if (one[0] == '\n')
                break;
        }

        return Encoding.UTF8.GetString([.. line]);
    }

    public static Task WriteAsync(Stream client, string text) => client.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask();

    private async Task<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        Socket socket = await QmpSocket.ConnectAsync(_directory.SocketPath, cancellationToken);
        // Off the test framework's own threads, which other tests may hold for a while.
        Func<Stream, Task> script = _scripts.Dequeue();
        _ = Task.Run(() => ServeAsync(script), CancellationToken.None);
        return socket;
    }

    /// <summary>Takes one client through a script, then closes the connection.</summary>
    public async Task ServeAsync(Func<Stream, Task> script)
    {
        using Socket client = await _listener.AcceptAsync();
        await using var stream = new NetworkStream(client);
        await script(stream);
    }
}
