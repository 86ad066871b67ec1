using Hostmemd.Kvm;
using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.QemuHostmem;

internal static class Program
{
    private const int Failed = 1;
    private const int Misused = 2;

    /// <summary>What is passed on to QEMU: SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM.</summary>
    private static readonly int[] Signals = [1, 2, 3, 10, 12, 15];

    private static async Task<int> Main(string[] arguments)
    {
        var kernel = new LinuxKernel();
        if (LaunchMode.IsMeant(arguments))
            return LaunchMode.Run(arguments, kernel);
        try
        {
            return await RunAsync(HostmemOptions.Parse(arguments), kernel).ConfigureAwait(false);
        }
        catch (FormatException e)
        {
            await Console.Error.WriteLineAsync($"qemu-hostmem: {e.Message}\n\n{HostmemOptions.Usage}").ConfigureAwait(false);
            return Misused;
        }
        catch (Exception e) when (e is HostmemException or QmpException or QmpConnectionException)
        {
            await Console.Error.WriteLineAsync($"qemu-hostmem: {e.Message}").ConfigureAwait(false);
            return Failed;
        }
    }

    private static async Task<int> RunAsync(HostmemOptions options, LinuxKernel kernel)
    {
        List<ChosenBackend> backends;
        var daemon = await DaemonClient.ConnectAsync(options.Socket, CancellationToken.None).ConfigureAwait(false);
        await using (daemon.ConfigureAwait(false))
        {
            backends = await DaemonClient.ChooseAsync(daemon, options, kernel, CancellationToken.None).ConfigureAwait(false);
            QemuArguments.Check(options.Command, backends);
            if (backends.Exists(backend => backend.IsByCpr))
            {
                QemuArguments.CheckForCpr(options.Command);
                return await RunByCprAsync(options, backends, daemon, kernel).ConfigureAwait(false);
            }
        }
        // QEMU opens all of it by itself: this process goes on as QEMU.
        List<string> command = [.. options.Command, .. QemuArguments.Objects(backends)];
        try
        {
            kernel.Execute(ProgramStart.Find(command[0]), command, ProgramStart.Variables());
            return Failed;
        }
        catch (KernelException e)
        {
            throw new HostmemException($"cannot run {command[0]}: {Errno.Text(e.Errno)}");
        }
    }

    private static async Task<int> RunByCprAsync(HostmemOptions options, List<ChosenBackend> backends, QmpClient daemon, LinuxKernel kernel)
    {
        using var stopping = new CancellationTokenSource();
        using var signals = new SignalRelay(Signals, stopping.Cancel);
        var start = new CprStart(kernel, new Children(kernel), options, backends, daemon);
        var target = await start.RunAsync(stopping.Token).ConfigureAwait(false);
        signals.RelayTo(target);
        await daemon.DisposeAsync().ConfigureAwait(false);
        return Child.StatusOf(await target.Ended.ConfigureAwait(false));
    }
}
