using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Guests;

/// <summary>Descriptors that clients left with getfd, by name. They belong to the guest and stay when the client leaves, as in QEMU.</summary>
internal sealed class NamedDescriptors : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SafeFileHandle> _byName = [];

    public int Count
    {
        get
        {
            lock (_gate)
                return _byName.Count;
        }
    }

    /// <summary>Told of a descriptor that a client has closed.</summary>
    public Action<SafeFileHandle>? Closed { get; init; }

    /// <summary>All of them; they stay ours.</summary>
    public IReadOnlyList<(string Name, SafeFileHandle Descriptor)> All()
    {
        lock (_gate)
            return [.. _byName.Select(entry => (entry.Key, entry.Value))];
    }

    /// <returns>null where there is none of that name.</returns>
    public SafeFileHandle? Find(string name)
    {
        lock (_gate)
            return _byName.GetValueOrDefault(name);
    }

    /// <summary>Keeps a descriptor; one of the same name is closed.</summary>
    public void Set(string name, SafeFileHandle descriptor)
    {
        SafeFileHandle? replaced;
        lock (_gate)
        {
            _byName.Remove(name, out replaced);
            _byName.Add(name, descriptor);
        }
        Close(replaced);
    }

    /// <summary>Closes a descriptor.</summary>
    /// <returns>false where there is none of that name.</returns>
    public bool Close(string name)
    {
        SafeFileHandle? removed;
        lock (_gate)
            _byName.Remove(name, out removed);
        Close(removed);
        return removed is not null;
    }

    private void Close(SafeFileHandle? descriptor)
    {
        if (descriptor is null)
            return;
        descriptor.Dispose();
        // Afterwards: what it gave access to is let go by its end.
        Closed?.Invoke(descriptor);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var descriptor in _byName.Values)
                descriptor.Dispose();
            _byName.Clear();
        }
    }
}
