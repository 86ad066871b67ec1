using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Objects.Allocation;
using Hostmemd.Protocol.Errors;
using Serilog;

namespace Hostmemd.Objects;

/// <summary>
/// One memory backend: the memory itself, which it owns until <see cref="Close"/>. What it is called and how it is shared are its
/// properties, which are published beside it.
/// </summary>
internal sealed class MemoryBackend(string id, ObjectType type, MappedMemory memory, BackingFile? file)
{
    /// <summary>Freeing the pages of this much takes milliseconds.</summary>
    private const ulong SlowToClose = 16 << 20;

    private readonly Lock _use = new();
    private readonly List<string> _jobs = [];
    private string? _mappedBy;
    private int _holds;
    private int _opens;
    private bool _closing;
    private bool _isLent;
    private string? _stuck;

    public string Id { get; } = id;

    public ObjectType Type { get; } = type;

    /// <summary>null for private anonymous memory.</summary>
    public BackingFile? File { get; } = file;

    /// <summary>The memory is a guest_memfd.</summary>
    public bool IsGuestMemfd => File?.Handle is GuestMemfd;

    /// <summary>Its memory slots are bound by descriptor, not registered by address.</summary>
    public GuestMemfd? SlotFile => Type == ObjectType.MemoryBackendGuestMemfd && !IsOfAnotherVm ? File?.Handle as GuestMemfd : null;

    /// <summary>The guest_memfd was made by a VM that is gone, and can be bound by address alone.</summary>
    public bool IsOfAnotherVm { get; init; }

    /// <summary>What jobs have populated of it. Only inside the owner's steps.</summary>
    public PopulatedRanges Populated { get; } = new();

    public string TypeName => NameOf(Type);

    public string QomPath => "/objects/" + Id;

    public MappedMemory Memory { get; } = memory;

    /// <summary>The type's name on the wire.</summary>
    public static string NameOf(ObjectType type) => ObjectOptions.Types.NameOf(type);

    /// <summary>What the memory was called when it was made: in errors, in /proc, and as a memory region.</summary>
    public required string MemoryName { get; init; }

    /// <summary>null: the memory has small pages.</summary>
    public HugePages? HugePages { get; init; }

    /// <summary>Where a DIMM of this memory may begin, and what its size is a multiple of.</summary>
    public ulong Alignment => Memory.Alignment;

    /// <summary>Unmapping and closing it takes noticeable time: to be done as slow work.</summary>
    public bool IsSlowToClose => Memory.Size >= SlowToClose || Type == ObjectType.MemoryBackendFile;

    /// <summary>Who has taken the memory; null: nobody.</summary>
    public string? MappedBy
    {
        get
        {
            lock (_use)
                return _mappedBy;
        }
    }

    /// <summary>Takes the memory for one user.</summary>
    /// <returns>false: somebody has it.</returns>
    /// <exception cref="QmpException">It was lent and cannot be mapped here again.</exception>
    public bool Map(string user)
    {
        lock (_use)
        {
            if (_mappedBy is not null || _closing)
                return false;
            MapAgain();
            _mappedBy = user;
            return true;
        }
    }

    public void Unmap()
    {
        lock (_use)
        {
            _mappedBy = null;
            UnmapIfOnlyLent();
        }
    }

    /// <summary>Keeps the memory where it is while somebody works on it, as populating it does. Plugging it meanwhile is fine.</summary>
    /// <exception cref="QmpException">It is going, or it was lent and cannot be mapped here again.</exception>
    public void Hold()
    {
        lock (_use)
        {
            if (_closing)
                throw ObjectErrors.BeingDeleted(Id);
            MapAgain();
            _holds++;
        }
    }

    public void Unhold()
    {
        lock (_use)
        {
            _holds--;
            UnmapIfOnlyLent();
        }
    }

    /// <summary>Keeps the memory where it is for a job.</summary>
    /// <exception cref="QmpException">It is going, or it was lent and cannot be mapped here again.</exception>
    public void BeginJob(string job)
    {
        lock (_use)
        {
            if (_closing)
                throw ObjectErrors.BeingDeleted(Id);
            MapAgain();
            _jobs.Add(job);
        }
    }

    public void EndJob(string job)
    {
        lock (_use)
        {
            _jobs.Remove(job);
            UnmapIfOnlyLent();
        }
    }

    /// <summary>Does short work on the memory, which stays where it is meanwhile.</summary>
    public void WhileHeld(Action work)
    {
        Hold();
        try
        {
            work();
        }
        finally
        {
            Unhold();
        }
    }

    /// <summary>Keeps the file open until <see cref="EndOpen"/>; the memory need not be mapped.</summary>
    /// <exception cref="QmpException">It is going.</exception>
    public void BeginOpen()
    {
        lock (_use)
        {
            if (_closing)
                throw ObjectErrors.BeingDeleted(Id);
            _opens++;
        }
    }

    public void EndOpen()
    {
        lock (_use)
            _opens--;
    }

    /// <summary>Does short work on the file alone, which stays open meanwhile.</summary>
    /// <exception cref="QmpException">It is going.</exception>
    public void WhileOpen(Action work)
    {
        BeginOpen();
        try
        {
            work();
        }
        finally
        {
            EndOpen();
        }
    }

    /// <summary>
    /// Others use the memory from now on. What is only lent is not mapped here: it is mapped again for as long as this guest uses it.
    /// </summary>
    public void Lend()
    {
        lock (_use)
        {
            _isLent = true;
            UnmapIfOnlyLent();
        }
    }

    /// <summary>Marks the memory as going, so that nobody takes it any more.</summary>
    /// <exception cref="QmpException">Somebody uses it.</exception>
    public void BeginClose()
    {
        lock (_use)
        {
            if (_mappedBy is not null || _holds > 0 || _opens > 0)
                throw ObjectErrors.Mapped(Id);
            if (_jobs.Count > 0)
                throw ObjectErrors.UsedByJob(Id, _jobs[0]);
            if (_closing)
                throw _stuck is null ? ObjectErrors.BeingDeleted(Id) : ObjectErrors.Quarantined(Id, _stuck);
            _closing = true;
        }
    }

    /// <summary>It stays after all.</summary>
    public void CancelClose()
    {
        lock (_use)
            _closing = false;
    }

    /// <summary>Unmaps and closes. The pages are free when nobody else holds them.</summary>
    /// <exception cref="KernelException">The mapping is still there: the backend must stay listed and its id taken.</exception>
    public void Close()
    {
        try
        {
            Memory.Dispose();
        }
        catch (KernelException e)
        {
            lock (_use)
                _stuck = Errno.Text(e.Errno);
            throw;
        }
        File?.Handle.Dispose();
    }

    /// <summary>Frees what the file holds, before it is closed: the property discard-data (seen in QEMU 11.1.3, which ignores a failure).</summary>
    public void Discard(ILogger log)
    {
        try
        {
            Memory.Remap();
            Memory.Discard();
        }
        catch (KernelException e)
        {
            log.Warning("Memory backend {Id}: 'discard-data=on' had no effect: {Error}", Id, e.Message);
        }
    }

    private void MapAgain()
    {
        try
        {
            Memory.Remap();
        }
        catch (AddressSpaceLostException e)
        {
            throw new QmpException($"memory backend '{Id}' was lent and cannot be mapped here again: {e.InnerException!.Message}");
        }
        catch (KernelException e)
        {
            throw new QmpException($"memory backend '{Id}' was lent and cannot be mapped here again: {Errno.Text(e.Errno)}");
        }
    }

    /// <summary>Private memory is where it is mapped and nowhere else. What cannot be unmapped stays, and is as good.</summary>
    private void UnmapIfOnlyLent()
    {
        if (!_isLent || _mappedBy is not null || _holds > 0 || _jobs.Count > 0 || _closing || File is not { IsShared: true })
            return;
        try
        {
            Memory.Unmap();
        }
        catch (KernelException)
        {
            // Tried again when it is used and given back the next time, and when it is closed.
        }
    }

    /// <summary>The same at the end of the guest, where nobody is left to be told but the log.</summary>
    /// <returns>false: the mapping is still there.</returns>
    public bool TryClose(ILogger log)
    {
        try
        {
            Close();
            return true;
        }
        catch (KernelException e)
        {
            log.Error("Memory backend {Id} could not be released: {Error}", Id, e.Message);
            return false;
        }
    }
}
