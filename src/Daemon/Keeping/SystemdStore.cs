using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm;
using Microsoft.Win32.SafeHandles;
using Serilog;

namespace Hostmemd.Keeping;

/// <summary>
/// The service manager as the keeper: its store of descriptors, which it gives to the next process of the unit. Safe on any thread.
/// </summary>
/// <remarks>
/// A store that is full drops what comes, and tells nobody. systemd 254 and later say how many descriptors there may be ($FDSTORE), and all
/// that are there are ours. Older ones close at once what they drop, so that a socket that is sent first shows whether there is room; it
/// keeps the place until the memory comes. Source: man 3 sd_pid_notify_with_fds, man 3 sd_listen_fds, man 5 systemd.exec; seen in systemd 252.
/// </remarks>
internal sealed class SystemdStore : Keeper
{
    /// <summary>What is ours in what the manager hands over: sockets of the unit are others.</summary>
    private const string Prefix = "memory.";

    /// <summary>Bytes; longer names are refused.</summary>
    private const int MaxName = 255;

    private const string NoAnswer = "the service manager does not answer, try again";

    private readonly ILogger _log;
    private readonly NotifyChannel _manager;
    private readonly int? _limit;
    private readonly Lock _gate = new();

    /// <summary>Whose place is taken.</summary>
    private readonly HashSet<string> _names = [];

    private SystemdStore(IKernel kernel, ILogger log, NotifyChannel manager, int? limit, Dictionary<string, SafeFileHandle> found)
    {
        (_log, _manager, _limit, Found, Pid) = (log, manager, limit, found, kernel.Getppid());
        _names.UnionWith(found.Keys);
    }

    /// <summary>What it gave us, by id; whoever takes one owns it.</summary>
    public Dictionary<string, SafeFileHandle> Found { get; }

    /// <summary>The manager started this process, and has open what is in its store.</summary>
    public override int Pid { get; }

    /// <summary>Never: it would have ended us.</summary>
    public override Task Ended { get; } = new TaskCompletionSource().Task;

    /// <summary>Takes what the manager gave this process, and connects to it.</summary>
    /// <param name="given">What the manager handed over.</param>
    /// <exception cref="KeepException">There is no service manager.</exception>
    public static SystemdStore Open(IKernel kernel, ILogger log, IReadOnlyList<GivenDescriptor> given)
    {
        if (NotifySocket.Address is not { } address)
            throw new KeepException($"{NotifySocket.Variable} is not set: run the daemon as a unit with FileDescriptorStoreMax= and NotifyAccess=main");
        NotifyChannel? manager = null;
        try
        {
            manager = new NotifyChannel(kernel, address);
            int? limit = int.TryParse(Environment.GetEnvironmentVariable("FDSTORE"), NumberStyles.None, CultureInfo.InvariantCulture, out var max) ? max : null;
            return new SystemdStore(kernel, log, manager, limit, TakeDescriptors(kernel, given));
        }
        catch (Exception e) when (e is SocketException or KernelException)
        {
            manager?.Dispose();
            throw new KeepException($"{NotifySocket.Variable} {address}: {e.Message}");
        }
    }

    public override void Resume(IReadOnlyCollection<string> names)
    {
        lock (_gate)
            _names.UnionWith(names);
    }

    public override async Task<string?> ReserveAsync(string name)
    {
        if (Prefix.Length + Encoding.UTF8.GetByteCount(name) > MaxName)
            return $"the service manager keeps memory with ids of at most {MaxName - Prefix.Length} characters, use a shorter 'id'";
        lock (_gate)
        {
            if (_limit is { } limit && _names.Count >= limit)
                return $"all {limit} places of the service manager's store are taken, raise FileDescriptorStoreMax= of the unit";
            _names.Add(name);
        }
        if (_limit is not null || await TrySendAheadAsync(name).ConfigureAwait(false) is not { } refusal)
            return null;
        await CancelAsync(name).ConfigureAwait(false);
        return refusal;
    }

    public override Task CancelAsync(string name)
    {
        lock (_gate)
            if (!_names.Contains(name))
                return Task.CompletedTask;
        return ReleaseAsync(name, untilClosed: false);
    }

    public override async Task<bool> TryStoreAsync(string name, SafeHandle file)
    {
        bool isReserved;
        lock (_gate)
            isReserved = _names.Contains(name);
        var refusal = isReserved ? null : await ReserveAsync(name).ConfigureAwait(false);
        // In place of what keeps the place.
        if (refusal is null && !(await _manager.SendAsync(Remove(name), Add(name, file)).ConfigureAwait(false) && await _manager.SettleAsync().ConfigureAwait(false)))
            refusal = NoAnswer;
        if (refusal is not null)
            _log.Error("Memory backend {Id} would not outlive the daemon: {Error}", name, refusal);
        return true;
    }

    public override async Task ReleaseAsync(string name, bool untilClosed)
    {
        lock (_gate)
            _names.Remove(name);
        await _manager.SendAsync(Remove(name)).ConfigureAwait(false);
        if (untilClosed)
            await _manager.SettleAsync().ConfigureAwait(false);
    }

    /// <summary>The manager does that, where the unit says so (Restart=).</summary>
    public override Task SetRestartAsync(IReadOnlyList<string>? arguments) => Task.CompletedTask;

    public override async Task QuitAsync()
    {
        NotifyMessage[] all;
        lock (_gate)
            all = [.. _names.Select(Remove)];
        await _manager.SendAsync(all).ConfigureAwait(false);
        await _manager.SettleAsync().ConfigureAwait(false);
        Detach();
    }

    public override Task ReapAsync() => Task.CompletedTask;

    public override void Detach() => _manager.Dispose();

    /// <summary>Those of others stay as they are.</summary>
    private static Dictionary<string, SafeFileHandle> TakeDescriptors(IKernel kernel, IReadOnlyList<GivenDescriptor> given)
    {
        var found = new Dictionary<string, SafeFileHandle>();
        foreach (var (descriptor, name) in given.Where(given => given.Name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            // It came without close-on-exec; the copy has it.
            using var inherited = new SafeFileHandle(descriptor, ownsHandle: true);
            found[name[Prefix.Length..]] = kernel.Duplicate(inherited);
        }
        return found;
    }

    /// <summary>Sends a socket ahead of the memory: a store that has no room for it closes it.</summary>
    /// <returns>null: it is there, and keeps the place; else why it is not.</returns>
    private async Task<string?> TrySendAheadAsync(string name)
    {
        try
        {
            var (ours, theirs) = _manager.Pair();
            using (ours)
            {
                using (theirs)
                    if (!await _manager.SendAsync(Add(name, theirs)).ConfigureAwait(false))
                        return NoAnswer;
                if (!await _manager.SettleAsync().ConfigureAwait(false))
                    return NoAnswer;
                return ours.Poll(TimeSpan.Zero, SelectMode.SelectRead)
                    ? "the service manager's store takes no more descriptors, raise FileDescriptorStoreMax= of the unit"
                    : null;
            }
        }
        catch (KernelException e)
        {
            return e.Message;
        }
    }

    /// <summary>Without polling: memory never hangs up.</summary>
    private static NotifyMessage Add(string name, SafeHandle file) => new($"FDSTORE=1\nFDNAME={Prefix}{name}\nFDPOLL=0", file);

    private static NotifyMessage Remove(string name) => new($"FDSTOREREMOVE=1\nFDNAME={Prefix}{name}");
}
