using System.Net.Sockets;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;
using Serilog;
using Serilog.Events;

namespace Hostmemd;

/// <summary>The lines of the log about clients and commands. Never guest memory, never whole payloads.</summary>
internal static class DaemonLog
{
    /// <summary>An id is any JSON value a client likes; more of it than this is not logged.</summary>
    private const int MaxIdLength = 64;

    public static void Started(ILogger log, string version, string accelerator, string machine) =>
        log.Information("{Version} with accelerator {Accelerator}, machine {Machine}", version, accelerator, machine);

    public static void NoKvm(ILogger log, string reason) =>
        log.Information("No accelerator: {Reason}; guest_memfd and memory slots need one", reason);

    public static void Listening(ILogger log, string path, bool readOnly) =>
        log.Information("Listening on {Path}, readonly {ReadOnly}", path, readOnly);

    public static void Ending(ILogger log, string cause) => log.Information("Ending: {Cause}", cause);

    public static void ClientConnected(ILogger log, long client, bool readOnly) =>
        log.Information("Client {ClientId} connected, readonly {ReadOnly}", client, readOnly);

    public static void ClientLeft(ILogger log, long client) => log.Information("Client {ClientId} left", client);

    public static void ClientCutOff(ILogger log, long client) =>
        log.Warning("Client {ClientId} does not read what it is sent, it is cut off", client);

    public static void ClientFailed(ILogger log, long client, Exception error) =>
        log.Error(error, "Client {ClientId}: its session failed", client);

    public static void AcceptFailed(ILogger log, string path, SocketError error) =>
        log.Warning("Accepting on {Path} failed: {Error}", path, error);

    public static void CommandDone(ILogger log, long client, string command, JsonValue? id, TimeSpan elapsed, QmpErrorClass? error)
    {
        if (!log.IsEnabled(LogEventLevel.Debug))
            return;
        var shown = id?.ToString();
        if (shown?.Length > MaxIdLength)
            shown = shown[..MaxIdLength] + "…";
        log.Debug("Client {ClientId}: {Command} id {Id}, {Milliseconds:0.000} ms, {ErrorClass}",
            client, command, shown, elapsed.TotalMilliseconds, error?.ToString() ?? "ok");
    }

    public static void CommandFailed(ILogger log, long client, string command, Exception error) =>
        log.Error(error, "Client {ClientId}: {Command} failed; this is a bug", client, command);
}
