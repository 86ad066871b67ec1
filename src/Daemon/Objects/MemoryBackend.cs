using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Serilog;

namespace Hostmemd.Objects;

/// <summary>
/// One memory backend: the memory itself, which it owns until <see cref="Close"/>. What it is called and how it is shared are its
/// properties, which are published beside it.
/// </summary>
internal sealed class MemoryBackend(string id, ObjectType type, bool isGuestMemfd, MappedMemory memory, SafeHandle? file)
{
    private readonly Lock _use = new();
    private string? _mappedBy;
    private int _holds;
    private bool _closing;
    private string? _stuck;

    public string Id { get; } = id;

    public ObjectType Type { get; } = type;

    /// <summary>The memory is a guest_memfd.</summary>
    public bool IsGuestMemfd { get; } = isGuestMemfd;

    public string TypeName => ObjectOptions.Types.NameOf(Type);

    public string QomPath => "/objects/" + Id;

    public MappedMemory Memory { get; } = memory;

    /// <summary>What the memory is mapped from; null: anonymous.</summary>
    public SafeHandle? File { get; } = file;

    /// <summary>Where a DIMM of this memory may begin, and what its size is a multiple of.</summary>
    public ulong Alignment => Memory.Alignment;

    /// <summary>Takes the memory for one user.</summary>
    /// <returns>false: somebody has it.</returns>
    public bool Map(string user)
    {
        lock (_use)
        {
            if (_mappedBy is not null || _closing)
                return false;
            _mappedBy = user;
            return true;
        }
    }

    public void Unmap()
    {
        lock (_use)
            _mappedBy = null;
    }

    /// <summary>Keeps the memory where it is while somebody works on it, as populating it does. Plugging it meanwhile is fine.</summary>
    /// <exception cref="QmpException">It is going.</exception>
    public void Hold()
    {
        lock (_use)
        {
            if (_closing)
                throw ObjectErrors.BeingDeleted(Id);
            _holds++;
        }
    }

    public void Unhold()
    {
        lock (_use)
            _holds--;
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

    /// <summary>Marks the memory as going, so that nobody takes it any more.</summary>
    /// <exception cref="QmpException">Somebody uses it.</exception>
    public void BeginClose()
    {
        lock (_use)
        {
            if (_mappedBy is not null || _holds > 0)
                throw ObjectErrors.Mapped(Id);
            if (_closing)
                throw _stuck is null ? ObjectErrors.BeingDeleted(Id) : ObjectErrors.Quarantined(Id, _stuck);
            _closing = true;
        }
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
        File?.Dispose();
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
