using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Negotiation, what the program is, and the guest's run state.</summary>
internal static class ControlCommands
{
    /// <summary>The interface clients may rely on is QEMU 11.1's; which program it is stands in the package.</summary>
    public static VersionInfo Version { get; } = new()
    {
        Qemu = new VersionTriple { Major = 11, Minor = 1, Micro = 0 },
        Package = $"hostmemd {typeof(ControlCommands).Assembly.GetName().Version!.ToString(3)}",
    };

    public static Nothing Negotiate(Client client, QmpCapabilitiesArguments arguments)
    {
        client.Session.Negotiate(arguments.Enable?.Contains(QmpCapability.Oob) == true);
        return Nothing.Value;
    }

    public static NameInfo QueryName(Client client) => new() { Name = client.Guest.Options.Name };

    public static UuidInfo QueryUuid(Client client) => new() { Uuid = client.Guest.Options.Uuid.ToString() };

    public static TargetInfo QueryTarget() => new()
    {
        Arch = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? TargetArch.Aarch64 : TargetArch.X86_64,
    };

    public static StatusInfo QueryStatus(Client client)
    {
        var state = client.Pin().RunState;
        return new StatusInfo { Running = state == RunState.Running, Status = state };
    }

    public static KvmInfo QueryKvm(Client client) => new()
    {
        Enabled = client.Guest.Vm is not null,
        Present = client.Guest.Options.KvmPresent,
    };

    public static AcceleratorInfo QueryAccelerators(Client client) => new()
    {
        Enabled = client.Guest.Vm is null ? Accelerator.Qtest : Accelerator.Kvm,
        Present = client.Guest.Options.KvmPresent ? [Accelerator.Kvm, Accelerator.Qtest] : [Accelerator.Qtest],
    };

    /// <summary>A guest that has not run yet stays in prelaunch, without an event (seen in QEMU 11.1.3).</summary>
    public static Nothing Stop(Client client)
    {
        var guest = client.Guest;
        guest.Change(
            state => state.RunState == RunState.Running ? state with { RunState = RunState.Paused } : null,
            _ => [Events.Stop(guest.Clock)]);
        return Nothing.Value;
    }

    public static Nothing Cont(Client client)
    {
        var guest = client.Guest;
        guest.Change(
            state => state.RunState is RunState.Paused or RunState.Prelaunch ? state with { RunState = RunState.Running } : null,
            _ => [Events.Resume(guest.Clock)]);
        return Nothing.Value;
    }

    /// <summary>A guest that was paused is one that has not run yet (seen in QEMU 11.1.3).</summary>
    public static Nothing Reset(Client client)
    {
        var guest = client.Guest;
        guest.Change(
            state => state.RunState == RunState.Paused ? state with { RunState = RunState.Prelaunch } : state,
            _ => [Events.Reset(ShutdownCause.HostQmpSystemReset, guest.Clock)]);
        return Nothing.Value;
    }

    public static Nothing Powerdown(Client client)
    {
        client.Guest.Raise(Events.Powerdown(client.Guest.Clock));
        return Nothing.Value;
    }

    public static async ValueTask<Nothing> QuitAsync(Client client)
    {
        client.Guest.Shutdown(ShutdownCause.HostQmpQuit);
        // Their last events come before the reply (seen in QEMU 11.1.3).
        await client.Guest.Jobs.DisposeAsync().ConfigureAwait(false);
        return Nothing.Value;
    }

    /// <summary>There is nothing to recover by force: no instance has registered, so any that is named is not found.</summary>
    public static Nothing Yank(YankArguments arguments) =>
        arguments.Instances.Count == 0 ? Nothing.Value : throw new QmpException(QmpErrorClass.DeviceNotFound, "Instance not found");

    public static List<YankInstance> QueryYank() => [];
}
