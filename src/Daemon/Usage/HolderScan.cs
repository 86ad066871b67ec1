using System.Buffers.Text;
using Hostmemd.Api;
using Hostmemd.Kvm;

namespace Hostmemd.Usage;

/// <summary>
/// Looks through all processes for those that have certain files open or mapped. On a thread that may wait; it takes some 100 us a process,
/// a quarter of that a kernel thread, and holds a few kilobytes, and as much as it finds.
/// </summary>
/// <remarks>
/// Descriptors are told apart by link first, and only those that look right are asked for their inode: asking can hang for a file on a dead
/// server. What the kernel keeps elsewhere is not seen: descriptors on their way in a socket, and slots of a VM. Where device numbers in
/// maps are not those of stat (btrfs, overlayfs) a mapping is not seen.
/// </remarks>
internal sealed class HolderScan
{
    /// <summary>Holders listed of one file.</summary>
    private const int MaxHolders = 1024;

    /// <summary>Mappings noted of one file; more are counted only.</summary>
    private const int MaxMappings = 16 * 1024;

    private readonly ProcReader _proc;
    private readonly int _self;
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _names;
    private readonly Dictionary<(ulong Device, ulong Inode), FileHolders> _found = [];
    private readonly Dictionary<(ulong Device, ulong Inode), (uint Descriptors, uint Mappings)> _counts = [];
    private bool _complete = true;

    private HolderScan(ProcReader proc, int self, IEnumerable<MemoryFile> files)
    {
        (_proc, _self) = (proc, self);
        foreach (var file in files)
            _found.TryAdd((file.Device, file.Inode), new FileHolders());
        _names = files.Select(file => file.Name).ToHashSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <param name="except">Processes that are passed over: what they have is known, or does not matter.</param>
    /// <returns>The holders by device and inode, and whether every other process could be read.</returns>
    public static (IReadOnlyDictionary<(ulong Device, ulong Inode), FileHolders> Files, bool Complete) Run(
        ProcReader proc, int self, IReadOnlyCollection<MemoryFile> files, params ReadOnlySpan<int> except)
    {
        var scan = new HolderScan(proc, self, files);
        if (files.Count > 0)
            foreach (var pid in proc.Processes())
                if (!except.Contains(pid))
                    scan.Look(pid);
        return (scan._found, scan._complete);
    }

    private void Look(int pid)
    {
        try
        {
            _counts.Clear();
            var status = _proc.Status(pid);
            if (status.IsKernelThread)
                return;
            LookAtDescriptors(pid);
            LookAtMappings(pid);
            // The number may have passed on to another process meanwhile.
            if (_counts.Count > 0 && _proc.Status(pid).StartTime == status.StartTime)
                foreach (var (key, (descriptors, mappings)) in _counts)
                    Add(key, new MemoryHolder
                    {
                        Pid = pid,
                        StartTime = status.StartTime,
                        Comm = status.Comm,
                        Descriptors = descriptors,
                        Mappings = mappings,
                        Self = pid == _self,
                    });
        }
        catch (KernelException e)
        {
            // A process that has ended holds nothing.
            _complete &= e.Errno is Errno.ENOENT or Errno.ESRCH;
        }
    }

    private void Add((ulong Device, ulong Inode) key, MemoryHolder holder)
    {
        var holders = _found[key].Holders;
        if (holders.Count < MaxHolders)
            holders.Add(holder);
        else
            _complete = false;
    }

    private void LookAtDescriptors(int pid)
    {
        foreach (var fd in _proc.Descriptors(pid))
        {
            try
            {
                if (!_names.Contains(MemoryFile.NameIn(_proc.DescriptorLink(pid, fd))))
                    continue;
                var status = _proc.DescriptorStatus(pid, fd);
                if (_found.TryGetValue((status.Device, status.Inode), out var file))
                {
                    file.Blocks = status.Blocks;
                    Count((status.Device, status.Inode), descriptors: 1, mappings: 0);
                }
            }
            catch (KernelException e) when (e.Errno == Errno.ENOENT)
            {
                // Closed meanwhile.
            }
        }
    }

    private void LookAtMappings(int pid)
    {
        foreach (var line in _proc.Maps(pid))
            if (TryParse(line.Span, out var key) && _found.TryGetValue(key, out var file))
            {
                Count(key, descriptors: 0, mappings: 1);
                if (file.Mapped.Count < MaxMappings && TryParseRange(line.Span, out var from, out var to))
                    file.Mapped.Add((pid, from, to));
            }
    }

    private void Count((ulong Device, ulong Inode) key, uint descriptors, uint mappings)
    {
        var known = _counts.GetValueOrDefault(key);
        _counts[key] = (known.Descriptors + descriptors, known.Mappings + mappings);
    }

    /// <summary>Device and inode of a line: address, permissions, offset, device as MAJOR:MINOR in hex, inode, path.</summary>
    private static bool TryParse(ReadOnlySpan<byte> line, out (ulong Device, ulong Inode) key)
    {
        key = default;
        for (var i = 0; i < 3; i++)
        {
            var space = line.IndexOf((byte)' ');
            if (space < 0)
                return false;
            line = line[(space + 1)..];
        }
        if (!Utf8Parser.TryParse(line, out uint major, out var used, 'x') || used >= line.Length || line[used] != ':')
            return false;
        line = line[(used + 1)..];
        if (!Utf8Parser.TryParse(line, out uint minor, out used, 'x') || used >= line.Length || line[used] != ' ')
            return false;
        if (!Utf8Parser.TryParse(line[(used + 1)..], out ulong inode, out _) || inode == 0)
            return false;
        // As st_dev is put together: new_encode_dev in the kernel's terms.
        key = ((minor & 0xff) | ((ulong)major << 8) | ((ulong)(minor & ~0xffu) << 12), inode);
        return true;
    }

    /// <summary>The bytes of the file: as many as the address range has, from the offset on.</summary>
    private static bool TryParseRange(ReadOnlySpan<byte> line, out ulong from, out ulong to)
    {
        (from, to) = (0, 0);
        if (!Utf8Parser.TryParse(line, out ulong start, out var used, 'x') || used >= line.Length || line[used] != '-')
            return false;
        line = line[(used + 1)..];
        if (!Utf8Parser.TryParse(line, out ulong end, out used, 'x'))
            return false;
        line = line[(used + 1)..];
        var space = line.IndexOf((byte)' ');
        if (space < 0 || end < start || !Utf8Parser.TryParse(line[(space + 1)..], out from, out _, 'x'))
            return false;
        to = from + (end - start);
        return to >= from;
    }
}
