using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Cpr;
using Hostmemd.Guests;
using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Logging;
using Hostmemd.Metrics;
using Hostmemd.Sessions;
using Serilog;
using Serilog.Events;

namespace Hostmemd.Startup;

/// <summary>The process: sets its limits, makes the guest, listens, and ends in order when it is told to.</summary>
internal static class DaemonProcess
{
    /// <param name="parent">Who waits until the daemon serves, with -daemonize.</param>
    /// <param name="handover">What the program before this one in the same process has left; null: nothing.</param>
    /// <returns>The exit status.</returns>
    /// <exception cref="OptionException">The start failed; what was made is gone again.</exception>
    public static async Task<int> RunAsync(DaemonOptions options, ParentChannel? parent, Handover? handover)
    {
        var given = GivenDescriptor.TakeAll();
        var starter = new Starter(parent, wantsPath: ChooseSockets(options, given, handover) && handover is null);
        await using var starterLeft = starter.ConfigureAwait(false);
        var sink = new QueuedSink(OpenLog(options.LogFile));
        // The logger closes its sink, last of all.
        using var log = new LoggerConfiguration()
            .MinimumLevel.Is(options.LogCommands ? LogEventLevel.Debug : LogEventLevel.Information)
            .WriteTo.Sink(sink).CreateLogger();
        handover?.FindSocketsOf(options, log);

        var kernel = new LinuxKernel(leak => log.Error("A descriptor leaked: {Leak}", leak));
        ProcessLimits.RaiseOpenFiles(kernel);
        ProcessLimits.ForbidCoreDumps(kernel);
        ProcessLimits.UseOneMallocArena();

        var named = NamedBy(options);
        // -daemonize leaves the folder that the path counts from.
        var name = named is null ? null : Path.GetFullPath(named.Path);
        using var record = KeptStart.OpenRecord(name, named?.Descriptor is not null, handover?.TakeRecord(), kernel, log);
        // Made on threads of its own, first of all: the rest of the start goes on meanwhile.
        var start = new GuestStart(options, record, () => KeptStart.OptionsFor(options, name, record, given, kernel, log), handover, kernel, log);
        var starting = start.RunAsync();
        var signals = new EndSignals();
        var sockets = new List<ListeningSocket>();
        try
        {
            // Who connects before the guest is there is greeted when it is.
            if (TryBind(options, sockets, kernel) is { } failure)
            {
                await GuestStart.UndoAsync(starting).ConfigureAwait(false);
                throw failure;
            }
            var commands = CommandList.Create();
            if (await Task.WhenAny(starting, signals.Received).ConfigureAwait(false) != starting)
            {
                await start.AbandonAsync().ConfigureAwait(false);
                return 0;
            }
            var guest = await starting.ConfigureAwait(false);
            await using var guestEnded = guest.ConfigureAwait(false);
            // Whoever is greeted finds it.
            using var pidFile = options.PidFile is null ? null : new PidFile(options.PidFile);
            var listeners = guest.Options.Monitors
                .Select((monitor, index) => QmpListener.Start(sockets[index], guest, commands, log, monitor)).ToList();
            guest.Cpr = new CprExec(guest, listeners, options.Metrics is null ? null : sockets[^1], sink.Flush);
            handover?.RestoreClients(listeners);
            await ServeAsync(options, guest, sockets, listeners, signals.Received, starter, log).ConfigureAwait(false);
            await guest.Kept.EndAsync().ConfigureAwait(false);
            return 0;
        }
        finally
        {
            foreach (var socket in sockets)
                socket.Dispose();
            if (record is { IsEmpty: true })
                record.Remove();
            signals.HoldToTheEnd();
        }
    }

    /// <summary>Those that the command line names and those that were handed over; without any the one where clients look first.</summary>
    /// <returns>Whether its path is to be printed.</returns>
    private static bool ChooseSockets(DaemonOptions options, IReadOnlyList<GivenDescriptor> given, Handover? handover)
    {
        SocketActivation.AddTo(options, given);
        handover?.AddActivatedTo(options);
        if (options.Listen.Count > 0)
            return false;
        options.Listen.Add(DefaultSocket.Options);
        return true;
    }

    /// <summary>The first QMP socket that has a path, which names the daemon; null: nothing can outlive it.</summary>
    private static ListenOptions? NamedBy(DaemonOptions options) =>
        options.Listen.Select(ListeningSocket.Describe).FirstOrDefault(socket => !socket.Abstract && socket.Path.Length > 0);

    /// <summary>Listens until the guest or a signal ends it.</summary>
    private static async Task ServeAsync(
        DaemonOptions options, Guest guest, List<ListeningSocket> sockets, List<QmpListener> listeners, Task signalled, Starter starter, ILogger log)
    {
        var metrics = options.Metrics is null ? null : MetricsListener.Start(sockets[^1], guest);
        try
        {
            DaemonLog.Started(log, ControlCommands.Version.Package, guest.Vm is null ? "none" : "kvm", guest.Machine.Kind.ToString().ToLowerInvariant());
            starter.Ready(guest, sockets);
            if (await Task.WhenAny(guest.ShutdownRequested, signalled).ConfigureAwait(false) == signalled)
                guest.Shutdown(ShutdownCause.HostSignal);
            var cause = await guest.ShutdownRequested.ConfigureAwait(false);
            DaemonLog.Ending(log, ShutdownData.Causes.NameOf(cause));
            starter.Ending(ShutdownData.Causes.NameOf(cause));
            // Clients that wait for them get their answers and events while they are still there.
            await guest.Jobs.DisposeAsync().ConfigureAwait(false);
            await guest.Populator.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            foreach (var listener in listeners)
                await listener.DisposeAsync().ConfigureAwait(false);
            if (metrics is not null)
                await metrics.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static StreamWriter OpenLog(string? path)
    {
        try
        {
            return path is null
                ? new StreamWriter(Console.OpenStandardError())
                : new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OptionException($"-D {path}: cannot open the log file");
        }
    }

    /// <returns>Why one cannot be bound; null: all are.</returns>
    private static OptionException? TryBind(DaemonOptions options, List<ListeningSocket> sockets, IKernel kernel)
    {
        // The one of -metrics is the last.
        foreach (var listen in options.Metrics is null ? options.Listen : [.. options.Listen, options.Metrics])
        {
            try
            {
                sockets.Add(ListeningSocket.Bind(listen, kernel));
            }
            catch (ListenException e)
            {
                return new OptionException($"{listen.Option}: {e.Message}");
            }
        }
        return null;
    }
}
