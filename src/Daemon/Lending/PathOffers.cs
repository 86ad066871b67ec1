using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Populate;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Lending;

/// <summary>The path way: rights and names by which others open a backend's file. Safe on any thread.</summary>
internal sealed class PathOffers(Guest guest, LoanWatch watch) : IDisposable
{
    private LendHolder? _holder;

    /// <summary>The process through which another user opens memory; null: there is none.</summary>
    public int? HolderPid => _holder?.Pid;

    /// <summary>Starts what lending to another user needs.</summary>
    /// <exception cref="QmpException">It cannot be had.</exception>
    public async Task StartAsync()
    {
        if (guest.Options.LendDirectory is not { Owner: { } user } directory)
            return;
        var (ourUser, ourGroup) = guest.Kernel.GetIdentity();
        var group = directory.Group ?? ourGroup;
        if ((user, group) == (ourUser, ourGroup))
            return;
        try
        {
            _holder = await guest.SlowWork.RunAsync(
                guest.Work, () => LendHolder.Start(guest.Kernel, guest.Options.PopulateProgram ?? HelperProgram.Find(), user, group)).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            throw new QmpException($"-lend-dir {directory.Path}: memory cannot be lent to user {user} and group {group}: {e.Message}");
        }
    }

    /// <summary>Makes a new backend's file known to others as far as it may be, and looks after who opens it.</summary>
    public PublishedBackend Offer(PublishedBackend added)
    {
        var backend = added.Backend;
        if (backend.File is not { IsShared: true } || backend.IsGuestMemfd)
            return added;
        try
        {
            var isNameless = LoanWays.FilePath(added) is null;
            var directory = guest.Options.LendDirectory;
            if (isNameless)
                guest.Kernel.Fchmod(backend.File.Handle, directory?.Mode ?? LendDirectory.PrivateMode);
            if (isNameless && directory is not null && (directory.Owner ?? directory.Group) is not null)
                guest.Kernel.Fchown(backend.File.Handle, directory.Owner ?? uint.MaxValue, directory.Group ?? uint.MaxValue);
            // A path that nobody was told yet is opened by nobody; the watch costs each backend that is never lent.
            if (directory is not null || !isNameless)
                watch.Add(backend);
            return directory is null ? added : added with { Loan = AddEntry(directory, added, isNameless) };
        }
        catch (KernelException e)
        {
            guest.Log.Warning("Memory backend {Id} can be opened by nobody: {Error}", backend.Id, e.Message);
            return added with { Loan = Loan.None with { PathRefusal = $"{e.Call}: {Errno.Text(e.Errno)}" } };
        }
    }

    /// <summary>Looks after who opens a backend from now on, as its path is told.</summary>
    /// <returns>Why the path is not to be told; null: it is looked after, or has no path.</returns>
    public string? Watch(PublishedBackend published)
    {
        var backend = published.Backend;
        if (backend.File is not { IsShared: true } || backend.IsGuestMemfd)
            return null;
        try
        {
            backend.WhileOpen(() => watch.Add(backend));
            return null;
        }
        catch (KernelException e)
        {
            guest.Log.Warning("Memory backend {Id} is opened unseen: {Error}", backend.Id, e.Message);
            return $"{e.Call}: {Errno.Text(e.Errno)}";
        }
        catch (QmpException e)
        {
            return e.Message;
        }
    }

    /// <summary>Takes back what <see cref="Offer"/> and <see cref="Watch"/> did, before the memory goes.</summary>
    public void Withdraw(PublishedBackend published)
    {
        RemoveEntry(published);
        try
        {
            watch.Remove(published.Backend);
        }
        catch (KernelException e)
        {
            guest.Log.Error("Memory backend {Id} is still watched, which keeps its pages: {Error}", published.Backend.Id, e.Message);
        }
    }

    public void Dispose() => _holder?.Dispose();

    private Loan AddEntry(LendDirectory directory, PublishedBackend added, bool isNameless)
    {
        var target = isNameless && _holder is not null ? _holder.Keep(added.Backend.File!.Handle) : LoanWays.Target(added);
        try
        {
            return Loan.None with { Entry = directory.Add(guest.Kernel, added.Backend.Id, target), EntryTarget = target };
        }
        catch (KernelException) when (isNameless)
        {
            _holder?.Release(target);
            throw;
        }
    }

    /// <summary>Removes the name under which a backend could be opened.</summary>
    public void RemoveEntry(PublishedBackend published)
    {
        if (published.Loan is not { Entry: { } entry, EntryTarget: { } target })
            return;
        LendDirectory.Remove(guest.Kernel, entry, target);
        try
        {
            if (LoanWays.FilePath(published) is null)
                _holder?.Release(target);
        }
        catch (KernelException e)
        {
            guest.Log.Error("The process that holds lent memory is gone: {Error}", e.Message);
        }
    }
}
