using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;
using Nerdbank.Streams;

namespace Hostmemd.QemuHostmem;

/// <summary>Asks the daemon, and a QEMU, over QMP.</summary>
internal static class DaemonClient
{
    /// <exception cref="HostmemException">Nobody answers there.</exception>
    public static async Task<QmpClient> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new HostmemException($"cannot connect to {path}: {(File.Exists(path) ? e.Message : "no such socket")}");
        }
        return await QmpClient.ConnectAsync(
            new NetworkStream(socket, ownsSocket: true).UsePipe(cancellationToken: CancellationToken.None), cancellationToken: cancellation).ConfigureAwait(false);
    }

    /// <summary>The way each backend goes. Nothing is handed over yet.</summary>
    /// <exception cref="HostmemException">One of them cannot go.</exception>
    public static async Task<List<ChosenBackend>> ChooseAsync(QmpClient daemon, HostmemOptions options, IKernel kernel, CancellationToken cancellation)
    {
        var chosen = new List<ChosenBackend>();
        foreach (var wanted in options.Backends)
        {
            JsonArray loans;
            try
            {
                var arguments = new JsonObject([new("memdev", new JsonString(wanted.Id))]);
                loans = (JsonArray)await daemon.ExecuteAsync("query-memory-loans", arguments, cancellationToken: cancellation).ConfigureAwait(false);
            }
            catch (QmpException e)
            {
                throw new HostmemException($"{wanted.Id}: {e.Message}");
            }
            chosen.Add(Choose(wanted, (JsonObject)loans.Items[0], options.AlwaysByCpr, kernel));
        }
        return chosen;
    }

    private static ChosenBackend Choose(WantedBackend wanted, JsonObject loan, bool alwaysByCpr, IKernel kernel)
    {
        var size = ((JsonNumber)loan["size"]!).UInt64;
        var ways = ((JsonArray)loan["ways"]!).Items.Cast<JsonObject>().ToDictionary(way => Text(way, "method")!);
        var (path, cpr) = (ways["path"], ways["cpr"]);
        if (!alwaysByCpr && Text(path, "path") is { } open)
        {
            CheckRights(wanted.Id, open, kernel);
            return new ChosenBackend(wanted.Id, size, wanted.IsLater, open, Text(path, "qemu-object")!);
        }
        if (Text(cpr, "qemu-object") is { } byCpr)
            return new ChosenBackend(wanted.Id, size, wanted.IsLater, Path: null, byCpr);
        throw new HostmemException($"Memory backend '{wanted.Id}' cannot be had: {Text(cpr, "reason")}");
    }

    /// <summary>QEMU would say no more than that it cannot open it.</summary>
    private static void CheckRights(string id, string path, IKernel kernel)
    {
        try
        {
            kernel.CheckAccess(path, write: true);
        }
        catch (KernelException e)
        {
            throw new HostmemException($"Memory backend '{id}' cannot be opened at {path}: {Errno.Text(e.Errno)}; see -lend-dir of hostmemd, or use --cpr");
        }
    }

    private static string? Text(JsonObject from, string name) => (from[name] as JsonString)?.Value;
}
