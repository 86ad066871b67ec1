using System.Net.Sockets;
using System.Text;
using Hostmemd.Daemon.Tests.Generated;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>Clients as no one wants them. Each runs on the thread that calls it, until it is told to stop.</summary>
internal static class HostileClients
{
    private const int Depth = 64;

    private static readonly byte[] Garbage = MakeGarbage();

    private static readonly byte[] Schema = LoadClient.Line("""{"execute": "query-qmp-schema"}""");

    /// <summary>Asks for as much as the daemon takes requests for, and reads none of it.</summary>
    public static void ReadsNothing(string socket, CancellationToken stop)
    {
        using var client = LoadClient.Negotiated(socket);
        while (!stop.IsCancellationRequested)
            if (client.SendSome(Schema) == 0)
                stop.WaitHandle.WaitOne(5);
    }

    /// <summary>As many requests as will go, each answered.</summary>
    public static void Floods(string socket, CancellationToken stop)
    {
        using var client = LoadClient.Negotiated(socket);
        var batch = Enumerable.Repeat(LoadClient.QueryStatus, Depth).SelectMany(bytes => bytes).ToArray();
        while (!stop.IsCancellationRequested)
            client.Ask(batch, Depth);
    }

    /// <summary>Bytes without sense, and every answer read: the client is not slow, only wrong.</summary>
    public static void FloodsWithGarbage(string socket, CancellationToken stop)
    {
        using var client = LoadClient.Negotiated(socket);
        for (var sent = 0; !stop.IsCancellationRequested || client.Lines.Errors == 0;)
        {
            client.Drain();
            var some = client.SendSome(Garbage.AsSpan(sent));
            sent = (sent + some) % Garbage.Length;
            if (some == 0)
                client.Socket.Poll(1000, SelectMode.SelectRead);
        }
    }

    /// <summary>One request, a byte at a time.</summary>
    public static void SendsByteByByte(string socket, CancellationToken stop)
    {
        using var client = LoadClient.Negotiated(socket);
        for (var at = 0; !stop.WaitHandle.WaitOne(100); at++)
        {
            client.Send(LoadClient.QueryStatus.AsSpan(at % LoadClient.QueryStatus.Length, 1));
            client.Drain();
        }
    }

    /// <summary>Comes, asks, and is gone in the middle of a request or of a reply: what the daemon sends then meets a closed socket.</summary>
    public static void Vanishes(string socket, CancellationToken stop)
    {
        var random = new SplitMix(2027);
        while (!stop.IsCancellationRequested)
        {
            using var client = new LoadClient(socket);
            if (random.Chance(20))
                continue;
            client.Negotiate();
            var requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(Encoding.ASCII.GetString(Schema), 20)));
            client.Send(requests.AsSpan(0, random.Below(requests.Length)));
            if (random.Chance(50) && client.Socket.Poll(10_000, SelectMode.SelectRead))
                client.Socket.Receive(new byte[random.Below(5000) + 1]);
        }
    }

    /// <summary>A third of it is what JSON is made of, so that every state of the lexer is met.</summary>
    private static byte[] MakeGarbage()
    {
        var random = new SplitMix(2026);
        var punctuation = "{}[]:,\"'\n\\ "u8.ToArray();
        return [.. Enumerable.Range(0, 64 * 1024).Select(_ => random.Chance(30) ? random.Pick(punctuation) : (byte)random.Next())];
    }
}
