using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Populate;

namespace Hostmemd.Keeping;

/// <summary>The descriptors that somebody outside of this process has too, and who that is. Safe on any thread.</summary>
internal sealed class KeptDescriptors(Guest guest) : IDisposable
{
    /// <summary>A keeper that ends sooner than this after its start is not started again at once.</summary>
    private static readonly TimeSpan ShortLife = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _starting = new(1);
    private readonly Dictionary<string, (SafeHandle Handle, KeptFile File)> _files = [];
    private Keeper? _keeper;
    private bool _ending;

    private KeepOptions Options => guest.Options.Keep!;

    /// <summary>The keeper's process; null: there is none.</summary>
    public int? KeeperPid => Volatile.Read(ref _keeper)?.Pid;

    /// <summary>Takes down what is to be kept of a backend.</summary>
    /// <returns>false: it cannot be; the log says why.</returns>
    public bool Note(MemoryBackend backend)
    {
        try
        {
            var file = KeptFile.Of(guest.Kernel, backend.File!);
            lock (_gate)
                _files[backend.Id] = (backend.File!.Handle, file);
            return true;
        }
        catch (KernelException e)
        {
            guest.Log.Error("Memory backend {Id} would not outlive the daemon: {Error}", backend.Id, e.Message);
            return false;
        }
    }

    /// <summary>What was taken down of a backend; null: nothing.</summary>
    public KeptFile? FileOf(MemoryBackend backend)
    {
        lock (_gate)
            return _files.TryGetValue(backend.Id, out var noted) && noted.Handle == backend.File?.Handle ? noted.File : null;
    }

    /// <summary>Takes a predecessor's keeper, which has all that was restored.</summary>
    public async Task TakeAsync(Keeper keeper)
    {
        Volatile.Write(ref _keeper, keeper);
        await keeper.SetRestartAsync(Options.Restart).ConfigureAwait(false);
        _ = FollowAsync(keeper);
    }

    /// <summary>Takes a place with the keeper, if there is one yet, for memory that is to come.</summary>
    /// <returns>null: it is taken; else why there is none.</returns>
    public Task<string?> ReserveAsync(string id) => Volatile.Read(ref _keeper)?.ReserveAsync(id) ?? Task.FromResult<string?>(null);

    /// <summary>The memory does not come.</summary>
    public Task CancelAsync(string id) => Volatile.Read(ref _keeper)?.CancelAsync(id) ?? Task.CompletedTask;

    /// <summary>Takes down a backend and has its memory kept; with the first a keeper is started.</summary>
    public async Task StoreAsync(MemoryBackend backend)
    {
        if (!Note(backend))
        {
            await CancelAsync(backend.Id).ConfigureAwait(false);
            return;
        }
        if (Volatile.Read(ref _keeper) is not { } keeper || !await keeper.TryStoreAsync(backend.Id, backend.File!.Handle).ConfigureAwait(false))
            await StartKeeperAsync().ConfigureAwait(false);
    }

    /// <summary>Keeps a backend no more; completes when nobody has its pages for us.</summary>
    public async Task ReleaseAsync(string id)
    {
        (SafeHandle Handle, KeptFile File) noted;
        lock (_gate)
            if (!_files.Remove(id, out noted))
                return;
        if (Volatile.Read(ref _keeper) is { } keeper)
            await keeper.ReleaseAsync(id, untilClosed: HasPages(noted.Handle, noted.File.Type)).ConfigureAwait(false);
    }

    /// <summary>Tells the keeper, if there is one, with which arguments to start a successor; null: with none.</summary>
    public Task SetRestartAsync(IReadOnlyList<string>? arguments) => Volatile.Read(ref _keeper)?.SetRestartAsync(arguments) ?? Task.CompletedTask;

    /// <summary>Nothing is kept any more, and nobody keeps.</summary>
    public async Task EndAsync()
    {
        await _starting.WaitAsync().ConfigureAwait(false);
        try
        {
            _ending = true;
            if (_keeper is { } keeper)
                await keeper.QuitAsync().ConfigureAwait(false);
            _keeper = null;
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>Leaves a keeper as it is; after <see cref="EndAsync"/> there is none.</summary>
    public void Dispose()
    {
        _ending = true;
        _keeper?.Detach();
        _starting.Dispose();
    }

    /// <summary>Starts a keeper where there is none, and gives it all that is to be kept.</summary>
    private async Task StartKeeperAsync()
    {
        await _starting.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_ending || (_keeper is { } present && !present.Ended.IsCompleted && await FillAsync(present).ConfigureAwait(false)))
                return;
            var keeper = KeeperProcess.Start(guest.Kernel, Options.Paths, guest.Options.PopulateProgram ?? HelperProgram.Find());
            if (Options.Restart is not null)
                await keeper.SetRestartAsync(Options.Restart).ConfigureAwait(false);
            await FillAsync(keeper).ConfigureAwait(false);
            Volatile.Write(ref _keeper, keeper);
            _ = FollowAsync(keeper);
        }
        catch (Exception e) when (e is KernelException or SocketException or IOException or UnauthorizedAccessException)
        {
            guest.Log.Error("There is no keeper, memory would not outlive the daemon now: {Error}", e.Message);
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>Whether closing it may free anything. Of a memfd that counts what was written; other files take memory beforehand, or do not tell.</summary>
    private bool HasPages(SafeHandle file, MemoryFdType type)
    {
        try
        {
            return type != MemoryFdType.Memfd || guest.Kernel.Fstat(file).Blocks > 0;
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return true;
        }
    }

    private async Task<bool> FillAsync(Keeper keeper)
    {
        List<(string Id, SafeHandle Handle)> files;
        lock (_gate)
            files = [.. _files.Select(entry => (entry.Key, entry.Value.Handle))];
        foreach (var (id, file) in files)
        {
            if (await keeper.TryStoreAsync(id, file).ConfigureAwait(false))
                continue;
            if (keeper.Ended.IsCompleted)
                return false;
            // It is being deleted.
        }
        return true;
    }

    /// <summary>Sees the keeper's end, and starts another.</summary>
    private async Task FollowAsync(Keeper keeper)
    {
        var started = guest.Clock.GetTimestamp();
        await keeper.Ended.ConfigureAwait(false);
        if (_ending)
            return;
        guest.Log.Error("The keeper (pid {Pid}) has ended, another takes its place", keeper.Pid);
        await keeper.ReapAsync().ConfigureAwait(false);
        if (guest.Clock.GetElapsedTime(started) < ShortLife)
            await Task.Delay(ShortLife, guest.Clock).ConfigureAwait(false);
        if (!_ending)
            await StartKeeperAsync().ConfigureAwait(false);
    }
}
