using Hostmemd.Cpr;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;
using Serilog;

namespace Hostmemd.Startup;

/// <summary>Makes the guest of a command line: what a daemon that was killed has left, then its objects and devices.</summary>
/// <param name="record">The daemon's record, locked; null: it has none.</param>
/// <param name="keep">What the guest keeps with.</param>
/// <param name="handover">What the program before this one in the same process has left; null: nothing.</param>
internal sealed class GuestStart(
    DaemonOptions options, KeepRecord? record, Func<KeepOptions?> keep, Handover? handover, IKernel kernel, ILogger log)
{
    private Guest? _begun;

    /// <exception cref="OptionException">It cannot be had as the command line says; what was made is gone again.</exception>
    public async Task<Guest> RunAsync()
    {
        var left = handover?.Content ?? KeptStart.Read(options, record);
        var (useKvm, kvmPresent) = AcceleratorChoice.Make(options.Accelerators, kernel, log);
        var machine = MachineChoice.Make(options);
        if (options.LendDirectory is { } directory)
            LendDirectoryOption.Make(directory);
        var guestOptions = new GuestOptions
        {
            Machine = machine,
            UseKvm = useKvm,
            DirtyRingSize = options.DirtyRingSize,
            KvmPresent = kvmPresent,
            Name = options.Name,
            Uuid = options.Uuid,
            Autostart = !options.StartPaused,
            RamBackends = NumaOption.BackendsOf(options),
            HasNumaNodes = options.NumaNodes.Count > 0,
            Monitors = ListenOptions.MonitorsOf([.. options.Listen.Select(ListeningSocket.Describe)]),
            LendDirectory = options.LendDirectory,
            Keep = keep(),
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
        catch (DirtyRingException e)
        {
            throw new OptionException($"-accel kvm,dirty-ring-size={options.DirtyRingSize}: {e.Message}");
        }
        catch (QmpException e)
        {
            throw new OptionException(e.Message);
        }
        try
        {
            Volatile.Write(ref _begun, guest);
            await new Successor(guest, left, handover?.TakeMemory()).TakeOverAsync(options.Adopted).ConfigureAwait(false);
            foreach (var (text, objectOptions) in options.Objects.Where(wanted => !KeptStart.Has(guest, left, wanted.Text, wanted.Options)))
                await StartStepAsync($"-object {text}", async () =>
                    await ObjectFactory.AddAsync(guest, guest.Work, objectOptions).ConfigureAwait(false)).ConfigureAwait(false);
            await UseRamBackendsAsync(guest).ConfigureAwait(false);
            foreach (var (text, members) in options.Devices)
                await StartStepAsync($"-device {text}", async () =>
                {
                    var device = DeviceOptions.Read(members, machine.HasDimms);
                    if (!KeptStart.Has(left, device))
                        await DimmPlug.AddAsync(guest, device, hotplugged: false).ConfigureAwait(false);
                }).ConfigureAwait(false);
            handover?.Restore(guest);
            return guest;
        }
        catch (Exception e)
        {
            await EndUnlessInheritedAsync(guest).ConfigureAwait(false);
            await guest.DisposeAsync().ConfigureAwait(false);
            if (e is KeepException)
                throw new OptionException(e.Message);
            throw;
        }
    }

    private static async Task UseRamBackendsAsync(Guest guest)
    {
        try
        {
            await BaseMemory.UseNamedAsync(guest).ConfigureAwait(false);
        }
        catch (QmpException e)
        {
            throw new OptionException(e.Message);
        }
        catch (KernelException e)
        {
            throw new OptionException($"cannot register memory in KVM: {e.Message}");
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

    /// <summary>The daemon is to end before the guest is there: the process ends, and with it what was made.</summary>
    public Task AbandonAsync() => Volatile.Read(ref _begun) is { } unfinished ? EndUnlessInheritedAsync(unfinished) : Task.CompletedTask;

    /// <summary>Takes a guest back that was being made when something else failed.</summary>
    public static async Task UndoAsync(Task<Guest> starting)
    {
        try
        {
            var guest = await starting.ConfigureAwait(false);
            await EndUnlessInheritedAsync(guest).ConfigureAwait(false);
            await guest.DisposeAsync().ConfigureAwait(false);
        }
        catch (OptionException)
        {
            // It failed too, and has left nothing; what failed first is told.
        }
    }

    /// <summary>A start that came to nothing leaves nothing; what it found stays where it is, for another try.</summary>
    private static async Task EndUnlessInheritedAsync(Guest guest)
    {
        if (!guest.Kept.IsInherited)
            await guest.Kept.EndAsync().ConfigureAwait(false);
    }
}
