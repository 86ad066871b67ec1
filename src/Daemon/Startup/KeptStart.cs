using System.Text;
using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;
using Serilog;

namespace Hostmemd.Startup;

/// <summary>The start of a daemon where another may have been before: the lock, what is left, and what of the command line is there already.</summary>
internal static class KeptStart
{
    /// <summary>Opens the record of the daemon that this one is to be, and locks it.</summary>
    /// <param name="socket">The daemon's name; null: it has none.</param>
    /// <param name="isGiven">Somebody else made the socket, perhaps where this daemon may make nothing.</param>
    /// <returns>null: there is no place for a record beside it; where its path is too long binding it says so.</returns>
    /// <exception cref="OptionException">Another daemon has it, or it cannot be had.</exception>
    /// <param name="handed">The record that the program before this one in the same process had; null: none.</param>
    public static KeepRecord? OpenRecord(string? socket, bool isGiven, SafeFileHandle? handed, IKernel kernel, ILogger log)
    {
        if (socket is null || Encoding.UTF8.GetByteCount(socket) > SocketNames.MaxPathBytes)
        {
            handed?.Dispose();
            return null;
        }
        try
        {
            if (handed is not null && KeepRecord.TryInherit(kernel, new KeepPaths(socket), handed) is { } inherited)
                return inherited;
            handed?.Dispose();
            return KeepRecord.TryOpen(kernel, new KeepPaths(socket)) ?? throw NotBound(socket, Errno.Text(Errno.EADDRINUSE));
        }
        catch (KernelException e) when (isGiven)
        {
            log.Warning("No memory outlives this daemon, as there is no record beside {Socket}: {Error}", socket, e.Message);
            return null;
        }
        catch (KernelException e)
        {
            throw NotBound(socket, Errno.Text(e.Errno));
        }
    }

    /// <summary>What a daemon that was killed had.</summary>
    /// <exception cref="OptionException">It cannot be read, or nothing is to be kept here.</exception>
    public static RecordContent Read(DaemonOptions options, KeepRecord? record)
    {
        if (record is null || record.IsEmpty)
            return RecordContent.Nothing;
        try
        {
            var left = record.Read();
            if (options.Keep == KeepMode.None && left.Objects.Any(kept => kept.File is not null))
                throw new OptionException("-keep none: a daemon of this name was killed, and its memory is kept: take it over with '-keep process'");
            return left;
        }
        catch (Exception e) when (e is KeepException or KernelException)
        {
            throw new OptionException(e.Message);
        }
    }

    /// <exception cref="OptionException">The keeper cannot be told so long a command line, or there is no service manager, or no record for it.</exception>
    public static KeepOptions? OptionsFor(
        DaemonOptions options, string? socket, KeepRecord? record, IReadOnlyList<GivenDescriptor> given, IKernel kernel, ILogger log)
    {
        if (record is null && options.Keep == KeepMode.Systemd)
            throw new OptionException("-keep systemd: there is no record beside the first -qmp socket, give it a path in a folder that the daemon may write to");
        if (socket is null || record is null || options.Keep == KeepMode.None)
            return null;
        string[]? restart = options.Restart ? ParentChannel.WithoutParent(Environment.GetCommandLineArgs()[1..]) : null;
        if (restart is not null && !KeeperWire.IsName(string.Join('\0', restart)))
            throw new OptionException($"-keep process,restart=on: the command line is longer than {KeeperWire.MaxName} bytes");
        try
        {
            return new KeepOptions(new KeepPaths(socket), record, restart, options.Keep == KeepMode.Systemd ? SystemdStore.Open(kernel, log, given) : null);
        }
        catch (KeepException e)
        {
            throw new OptionException($"-keep systemd: {e.Message}");
        }
    }

    /// <summary>Whether an object of the command line was taken over, as QEMU finds memory that it is handed by its name.</summary>
    /// <exception cref="OptionException">One of that id was, but it is something else.</exception>
    public static bool Has(Guest guest, RecordContent left, string text, ObjectOptions wanted)
    {
        var kept = left.Objects.FirstOrDefault(kept => kept.Options.Id == wanted.Id);
        if (kept is null || !(guest.State.Backends.ContainsKey(wanted.Id) || guest.State.Threads.ContainsKey(wanted.Id)))
            return false;
        if (kept.Options.QomType != wanted.QomType || kept.Options.Backend?.Size != wanted.Backend?.Size)
            throw new OptionException(
                $"-object {text}: '{wanted.Id}' of a daemon that was killed is kept, and is "
                + $"{ObjectOptions.Types.NameOf(kept.Options.QomType)} of {kept.Options.Backend?.Size ?? 0} bytes");
        return true;
    }

    /// <summary>Whether a DIMM of the command line was taken over.</summary>
    public static bool Has(RecordContent left, DeviceOptions wanted) => wanted.Memdev is { } memdev && left.Objects.Any(kept =>
        kept.Dimm is { } dimm && dimm.Id == wanted.Id && (memdev == kept.Options.Id || memdev == "/objects/" + kept.Options.Id));

    private static OptionException NotBound(string socket, string error) => new($"-qmp unix:{socket}: Failed to bind socket to {socket}: {error}");
}
