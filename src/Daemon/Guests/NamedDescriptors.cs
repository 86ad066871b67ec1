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

    /// <summary>Keeps a descriptor; one of the same name is closed.</summary>
    public void Set(string name, SafeFileHandle descriptor)
    {
        SafeFileHandle? replaced;
        lock (_gate)
        {
            _byName.Remove(name, out replaced);
            _byName.Add(name, descriptor);
        }
        replaced?.Dispose();
    }

    /// <summary>Closes a descriptor.</summary>
    /// <returns>false where there is none of that name.</returns>
    public bool Close(string name)
    {
        SafeFileHandle? removed;
        lock (_gate)
            _byName.Remove(name, out removed);
        removed?.Dispose();
        return removed is not null;
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
