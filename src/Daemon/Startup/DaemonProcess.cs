using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Logging;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;
using Serilog;
using Serilog.Events;

namespace Hostmemd.Startup;

/// <summary>The process: sets its limits, makes the guest, listens, and ends in order when it is told to.</summary>
internal static class DaemonProcess
{
    /// <returns>The exit status.</returns>
    /// <exception cref="OptionException">The start failed; what was made is gone again.</exception>
    public static async Task<int> RunAsync(DaemonOptions options)
    {
        // The logger closes its sink, last of all.
        using var log = new LoggerConfiguration()
            .MinimumLevel.Is(options.LogCommands ? LogEventLevel.Debug : LogEventLevel.Information)
            .WriteTo.Sink(new QueuedSink(OpenLog(options.LogFile))).CreateLogger();

        var kernel = new LinuxKernel(leak => log.Error("A descriptor leaked: {Leak}", leak));
        ProcessLimits.RaiseOpenFiles(kernel);
        ProcessLimits.ForbidCoreDumps(kernel);
        ProcessLimits.UseOneMallocArena();

        var guest = await StartGuestAsync(options, kernel, log).ConfigureAwait(false);
        await using var guestEnded = guest.ConfigureAwait(false);
        // Signals are taken from here on: the guest can end in order.
        using var terminate = OnSignal(PosixSignal.SIGTERM, guest);
        using var interrupt = OnSignal(PosixSignal.SIGINT, guest);
        using var hangUp = OnSignal(PosixSignal.SIGHUP, guest);

        var listeners = new List<QmpListener>();
        try
        {
            Listen(options, guest, listeners, log);
            using var pidFile = options.PidFile is null ? null : new PidFile(options.PidFile);
            var cause = await guest.ShutdownRequested.ConfigureAwait(false);
            DaemonLog.Ending(log, ShutdownData.Causes.NameOf(cause));
            // Clients that wait for it get their answer while they are still there.
            await guest.Populator.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            foreach (var listener in listeners)
                await listener.DisposeAsync().ConfigureAwait(false);
        }
        return 0;
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

    private static async Task<Guest> StartGuestAsync(DaemonOptions options, IKernel kernel, ILogger log)
    {
        var (useKvm, kvmPresent) = AcceleratorChoice.Make(options.Accelerators, kernel, log);
        var machine = MachineChoice.Make(options);
        if (options.LendDirectory is { } directory)
            LendDirectoryOption.Make(directory);
        var guestOptions = new GuestOptions
        {
            Machine = machine,
            UseKvm = useKvm,
            KvmPresent = kvmPresent,
            Name = options.Name,
            Uuid = options.Uuid,
            Autostart = !options.StartPaused,
            Monitors = Math.Max(1, options.Listen.Count),
            LendDirectory = options.LendDirectory,
        };
        Guest guest;
        try
        {
            guest = await Guest.StartAsync(guestOptions, kernel, TimeProvider.System, log).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            throw new OptionException($"failed to initialize kvm: {e.Message}");
        }
        catch (QmpException e)
        {
            throw new OptionException(e.Message);
        }
        DaemonLog.Started(log, ControlCommands.Version.Package, useKvm ? "kvm" : "none", machine.Kind.ToString().ToLowerInvariant());
        try
        {
            foreach (var (text, objectOptions) in options.Objects)
                await StartStepAsync($"-object {text}", async () =>
                    await ObjectFactory.AddAsync(guest, objectOptions).ConfigureAwait(false)).ConfigureAwait(false);
            foreach (var (text, members) in options.Devices)
                await StartStepAsync($"-device {text}", () =>
                    DimmPlug.AddAsync(guest, DeviceOptions.Read(members, machine.HasDimms), hotplugged: false)).ConfigureAwait(false);
            return guest;
        }
        catch
        {
            await guest.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task StartStepAsync(string option, Func<Task> step)
    {
        try
        {
            await step().ConfigureAwait(false);
        }
        catch (QmpException e)
        {
            throw new OptionException($"{option}: {e.Message}");
        }
    }

    private static void Listen(DaemonOptions options, Guest guest, List<QmpListener> listeners, ILogger log)
    {
        var commands = CommandList.Create();
        var wanted = options.Listen.Count > 0 ? options.Listen : [new ListenOptions(DefaultSocket())];
        foreach (var listen in wanted)
        {
            try
            {
                listeners.Add(QmpListener.Start(listen, guest, commands, log));
            }
            catch (ListenException e)
            {
                throw new OptionException($"-qmp unix:{listen.Path}: Failed to bind socket to {listen.Path}: {e.Message}");
            }
        }
        if (options.Listen.Count == 0)
            Console.Out.WriteLine(wanted[0].Path);
    }

    private static string DefaultSocket()
    {
        var directory = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        return Path.Combine(string.IsNullOrEmpty(directory) ? "/run" : directory, "hostmemd.sock");
    }

    private static PosixSignalRegistration OnSignal(PosixSignal signal, Guest guest) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        guest.Shutdown(ShutdownCause.HostSignal);
    });
}
