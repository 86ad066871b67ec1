using Hostmemd.Api;
using Hostmemd.Kvm;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Guests;

/// <summary>Descriptors in numbered sets, as add-fd makes them. They belong to the guest and stay when the client leaves, as in QEMU.</summary>
internal sealed class FdSets : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<long, List<(SafeFileHandle Descriptor, string? Opaque)>> _sets = [];

    /// <summary>Descriptors in all sets.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _sets.Values.Sum(set => set.Count);
        }
    }

    /// <summary>Adds a descriptor to a set, which is made where there is none.</summary>
    /// <param name="id">null: the lowest free number.</param>
    public AddFdInfo Add(long? id, string? opaque, SafeFileHandle descriptor)
    {
        lock (_gate)
        {
            var chosen = id ?? LowestFree();
            if (!_sets.TryGetValue(chosen, out var set))
                _sets.Add(chosen, set = []);
            set.Add((descriptor, opaque));
            return new AddFdInfo { FdSetId = chosen, Fd = Number(descriptor) };
        }
    }

    /// <summary>Closes one descriptor of a set, or all; a set without any is gone.</summary>
    /// <returns>false where there is no such set or descriptor.</returns>
    public bool Remove(long id, long? fd)
    {
        List<SafeFileHandle> removed;
        lock (_gate)
        {
            if (!_sets.TryGetValue(id, out var set))
                return false;
            removed = [.. set.Select(entry => entry.Descriptor).Where(descriptor => fd is null || Number(descriptor) == fd)];
            if (removed.Count == 0)
                return false;
            set.RemoveAll(entry => removed.Contains(entry.Descriptor));
            if (set.Count == 0)
                _sets.Remove(id);
        }
        removed.ForEach(descriptor => descriptor.Dispose());
        return true;
    }

    /// <summary>What open(2) of /dev/fdset/N gives: the descriptor of a set that is open just so, a duplicate of it, close-on-exec.</summary>
    /// <param name="writable">Open for reading and writing; else for reading alone.</param>
    /// <remarks>Of several the one that was added last, as seen in QEMU 11.1.3. It shares offset and flags with the one in the set.</remarks>
    /// <exception cref="KernelException">ENOENT: no such set. EACCES: none of it is open so. EMFILE.</exception>
    public SafeFileHandle Open(IKernel kernel, long id, bool writable)
    {
        const int accessMode = 3;
        // Held meanwhile: else remove-fd could close what is being duplicated.
        lock (_gate)
        {
            if (!_sets.TryGetValue(id, out var set))
                throw new KernelException("open", Errno.ENOENT);
            for (var i = set.Count - 1; i >= 0; i--)
                if ((kernel.GetFileFlags(set[i].Descriptor) & accessMode) == (writable ? OpenFlags.ReadWrite : OpenFlags.ReadOnly))
                    return kernel.Duplicate(set[i].Descriptor);
            throw new KernelException("open", Errno.EACCES);
        }
    }

    /// <summary>All descriptors, in the order they came to their sets; they stay ours.</summary>
    public IReadOnlyList<(long Set, string? Opaque, SafeFileHandle Descriptor)> All()
    {
        lock (_gate)
            return [.. _sets.SelectMany(set => set.Value.Select(entry => (set.Key, entry.Opaque, entry.Descriptor)))];
    }

    /// <summary>The sets, highest number first, as QEMU lists them.</summary>
    public List<FdSetInfo> List()
    {
        lock (_gate)
            return [.. _sets.Reverse().Select(set => new FdSetInfo
            {
                FdSetId = set.Key,
                Fds = [.. set.Value.Select(entry => new FdSetFdInfo { Fd = Number(entry.Descriptor), Opaque = entry.Opaque })],
            })];
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (descriptor, _) in _sets.Values.SelectMany(set => set))
                descriptor.Dispose();
            _sets.Clear();
        }
    }

    private long LowestFree()
    {
        var free = 0L;
        foreach (var id in _sets.Keys)
        {
            if (id > free)
                break;
            free = id + 1;
        }
        return free;
    }

    private static long Number(SafeFileHandle descriptor) => descriptor.DangerousGetHandle();
}
