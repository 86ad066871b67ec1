using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Keeping;

/// <summary>
/// What is kept of a guest for a successor: the record of its objects, and with a keeper the descriptors of their memory (decision 0020).
/// Safe on any thread. Without <see cref="GuestOptions.Keep"/> it does nothing.
/// </summary>
internal sealed class KeptState(Guest guest) : IDisposable
{
    private readonly KeptDescriptors _descriptors = new(guest);
    private readonly HashSet<string> _written = [];
    private readonly Dictionary<string, KeptIntent> _intents = [];
    private bool _isStill;
    private bool _isServing;
    private bool _isWritten;

    private KeepOptions? Options => guest.Options.Keep;

    /// <summary>The keeper's process; null: there is none.</summary>
    public int? KeeperPid => _descriptors.KeeperPid;

    /// <summary>What a predecessor had that is nowhere any more; set once, before the first client.</summary>
    public IReadOnlyList<LostBackend> Lost { get; private set; } = [];

    /// <summary>What a predecessor left is in use, and is not ours to destroy before <see cref="EndAsync"/>.</summary>
    public bool IsInherited { get; private set; }

    /// <summary>A predecessor's objects are being made again.</summary>
    public void Inherit() => IsInherited = true;

    /// <summary>From now on changes are written. Before that what a predecessor wrote is left as it is.</summary>
    /// <param name="keeper">A predecessor's, which has all that was restored.</param>
    public async Task BeginAsync(Keeper? keeper, IReadOnlyList<LostBackend> lost)
    {
        if (Options is null)
            return;
        Lost = lost;
        foreach (var published in guest.State.Backends.Values.Where(KeptObject.CanKeep))
            _descriptors.Note(published.Backend);
        if (keeper is not null)
            await _descriptors.TakeAsync(keeper).ConfigureAwait(false);
        guest.Owned(state =>
        {
            _isServing = true;
            // The machine's own memory alone is nothing that anybody asks for again.
            if (Options.Record.IsEmpty && keeper is null)
                return;
            try
            {
                Rewrite(state);
            }
            catch (KernelException e)
            {
                // The predecessor's is still there, and true; the next change tries again.
                guest.Log.Error("The record {Path} cannot be written anew: {Error}", Options.Paths.Record, e.Message);
            }
        });
    }

    /// <summary>Writes what an object is in a state that is to be published, or that it is gone. Inside the owner's step.</summary>
    public void Write(string id, GuestState next)
    {
        if (Options is not { Record: var record } || !_isServing)
            return;
        // It came to be, or is being deleted: its file stays in either case.
        _intents.Remove(id);
        try
        {
            if (!_isWritten)
                Rewrite(next);
            else if (IsAllSaid(id, next))
                return;
            else if (Find(id, next) is { } kept)
                Append(record, kept);
            else if (_written.Remove(id))
                record.Append(new RecordLine { Delete = id });
            if (record.IsMostlyHistory && !_isStill)
                ShorterRecord.Begin(guest, record, _intents.Values, Threads(next), Backends(next));
        }
        catch (KernelException e)
        {
            GiveUp(record, e);
        }
    }

    /// <summary>Writes down that a new file was made for an object: without it a successor removes it again.</summary>
    public void Intend(string id, string path, FileStatus status) => guest.Owned(state =>
    {
        if (Options is not { Record: var record } || !_isServing)
            return;
        var intent = _intents[id] = new KeptIntent { Id = id, Path = Path.GetFullPath(path), Device = status.Device, Inode = status.Inode };
        try
        {
            if (_isWritten)
                record.Append(new RecordLine { Intent = intent });
            else
                Rewrite(state);
        }
        catch (KernelException e)
        {
            GiveUp(record, e);
        }
    });

    /// <summary>The object did not come to be, and its file is gone already: what gets that name is not ours.</summary>
    public void Abandon(string id) => guest.Owned(_ =>
    {
        if (!_intents.Remove(id) || !_isWritten)
            return;
        try
        {
            Options!.Record.Append(new RecordLine { Delete = id });
        }
        catch (KernelException e)
        {
            GiveUp(Options!.Record, e);
        }
    });

    /// <summary>Takes a place for a backend's memory where it is to be kept, before there is any.</summary>
    /// <param name="options">With all defaults.</param>
    /// <exception cref="QmpException">Whoever keeps has no place for it.</exception>
    public async Task ReserveAsync(ObjectOptions options)
    {
        if (Options is not null && KeptObject.CanKeep(options) && await _descriptors.ReserveAsync(options.Id).ConfigureAwait(false) is { } refusal)
            throw ObjectErrors.NotKept(options.Id, refusal);
    }

    /// <summary>The memory did not come to be.</summary>
    public Task CancelAsync(ObjectOptions options) =>
        Options is not null && KeptObject.CanKeep(options) ? _descriptors.CancelAsync(options.Id) : Task.CompletedTask;

    /// <summary>Has a backend's memory kept, before anybody is told of it.</summary>
    public async Task StoreAsync(PublishedBackend published)
    {
        if (Options is not null && KeptObject.CanKeep(published) && KeeperWire.IsName(published.Backend.Id))
            await _descriptors.StoreAsync(published.Backend).ConfigureAwait(false);
    }

    /// <summary>Before a backend is closed: nobody is to find it any more. When it completes nobody but this process has the pages.</summary>
    public async Task ForgetAsync(MemoryBackend backend)
    {
        if (Options is null)
            return;
        guest.Owned(state => Write(backend.Id, state with { Backends = state.Backends.Remove(backend.Id) }));
        await _descriptors.ReleaseAsync(backend.Id).ConfigureAwait(false);
    }

    /// <summary>The record's descriptor, which holds its lock; null: there is none.</summary>
    public SafeHandle? RecordFile => Options?.Record.File;

    /// <summary>The keeper starts no successor when this program goes away, and the record's file stays the one it is.</summary>
    public Task PauseAsync()
    {
        guest.Owned(_ =>
        {
            _isStill = true;
            Options?.Record.DropCopy();
        });
        return _descriptors.SetRestartAsync(null);
    }

    /// <summary>The keeper does as it was told by the command line.</summary>
    public Task ResumeAsync()
    {
        guest.Owned(_ => _isStill = false);
        return _descriptors.SetRestartAsync(Options?.Restart);
    }

    /// <summary>The daemon ends in order: nothing outlives it.</summary>
    public async Task EndAsync()
    {
        if (Options is null)
            return;
        guest.Owned(_ =>
        {
            _isServing = false;
            Options.Record.Remove();
        });
        IsInherited = false;
        await _descriptors.EndAsync().ConfigureAwait(false);
    }

    /// <summary>Leaves a keeper as it is; after <see cref="EndAsync"/> there is none.</summary>
    public void Dispose() => _descriptors.Dispose();

    /// <summary>Of memory that goes with this process a successor tells that it is lost, no matter what became of it before.</summary>
    private bool IsAllSaid(string id, GuestState next) =>
        next.Backends.TryGetValue(id, out var published) && !KeptObject.CanKeep(published) && _written.Contains(id);

    private KeptObject? Find(string id, GuestState state)
    {
        if (state.Backends.TryGetValue(id, out var published))
            return Describe(published, state);
        return state.Threads.TryGetValue(id, out var thread) ? KeptObject.Of(thread, guest.Kernel, state.Generation) : null;
    }

    private KeptObject Describe(PublishedBackend published, GuestState state)
    {
        var backend = published.Backend;
        Dimm? dimm = null;
        if (backend.MappedBy is { } user && guest.Dimms.Find(user, state) is { } found && found.Backend == backend)
            dimm = found;
        return KeptObject.Of(published, dimm, _descriptors.FileOf(backend), state.Generation);
    }

    private void Append(KeepRecord record, KeptObject kept)
    {
        record.Append(new RecordLine { Put = kept });
        _written.Add(kept.Options.Id);
    }

    private void Rewrite(GuestState state)
    {
        Options!.Record.Rewrite([.. Threads(state), .. Backends(state)], _intents.Values);
        _written.Clear();
        _written.UnionWith(state.Threads.Keys);
        _written.UnionWith(state.Backends.Keys);
        _isWritten = true;
    }

    private IEnumerable<KeptObject> Threads(GuestState state) =>
        state.Threads.Values.Select(thread => KeptObject.Of(thread, guest.Kernel, state.Generation));

    private IEnumerable<KeptObject> Backends(GuestState state) => state.Backends.Values.Select(published => Describe(published, state));

    /// <summary>Better no memory than a wrong one. The next change tries to write all anew.</summary>
    private void GiveUp(KeepRecord record, KernelException error)
    {
        guest.Log.Error("The record {Path} cannot be written, nothing would outlive the daemon now: {Error}", Options!.Paths.Record, error.Message);
        _isWritten = false;
        try
        {
            record.Empty();
        }
        catch (KernelException e)
        {
            guest.Log.Error("The record {Path} cannot be emptied, remove it: {Error}", Options.Paths.Record, e.Message);
        }
    }
}
