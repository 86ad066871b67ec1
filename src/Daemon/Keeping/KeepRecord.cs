using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>
/// The file that says which objects a daemon has: a line of JSON for each change, the last one of an object counts. It is locked as long as
/// it is open, so nobody else is this daemon. Not safe for several threads, but that a copy without history may be made by another.
/// </summary>
internal sealed class KeepRecord : IDisposable
{
    private const uint Mode = 0x180; // 0600
    private const uint TypeMask = 0xf000;
    private const uint Regular = 0x8000;

    /// <summary>A record can be replaced or removed between opening and locking it; more often than this somebody does it on purpose.</summary>
    private const int Attempts = 16;

    /// <summary>Bytes of history that are not worth writing the record anew.</summary>
    private const ulong SmallHistory = 1 << 20;

    private readonly IKernel _kernel;
    private readonly KeepPaths _paths;
    private readonly ArrayBufferWriter<byte> _line = new();
    private LineFile _file;
    private RecordCopy? _copy;
    private ulong _withoutHistory;

    private KeepRecord(IKernel kernel, KeepPaths paths, SafeFileHandle file)
    {
        (_kernel, _paths) = (kernel, paths);
        _file = new LineFile(kernel, file, kernel.Fstat(file).Size);
    }

    private static string Boot => System.IO.File.ReadAllText("/proc/sys/kernel/random/boot_id").TrimEnd();

    /// <summary>It holds the lock.</summary>
    public SafeHandle File => _file.Handle;

    /// <summary>Nothing was ever written, or all of it was taken back.</summary>
    public bool IsEmpty => _file.Length == 0;

    /// <summary>Most of it no longer counts, and no copy is being made: it is time for one.</summary>
    public bool IsMostlyHistory => _copy is null && _file.Length - _withoutHistory > Math.Max(SmallHistory, _withoutHistory);

    /// <summary>Opens or makes the record and locks it.</summary>
    /// <returns>null: another daemon has it.</returns>
    /// <exception cref="KernelException">It cannot be opened, or it is not ours.</exception>
    public static KeepRecord? TryOpen(IKernel kernel, KeepPaths paths)
    {
        for (var attempt = 1; attempt <= Attempts; attempt++)
        {
            var file = kernel.Open(paths.Record, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.NoFollow, Mode);
            try
            {
                // In a folder where everybody writes it could be somebody else's trap.
                if (kernel.Fstat(file) is var status && ((status.Mode & TypeMask) != Regular || status.User != kernel.GetIdentity().User))
                    throw new KernelException("open", Errno.EACCES);
                if (!kernel.TryLock(file))
                {
                    file.Dispose();
                    return null;
                }
                if (HasName(kernel, file, paths.Record))
                    return new KeepRecord(kernel, paths, file);
            }
            catch
            {
                file.Dispose();
                throw;
            }
            file.Dispose();
        }
        throw new KernelException("open", Errno.EBUSY);
    }

    /// <summary>Goes on with a record that the program before this one in the same process had open and locked.</summary>
    /// <param name="file">Owned where it is this record.</param>
    /// <returns>null: it is another one, or has lost its name.</returns>
    public static KeepRecord? TryInherit(IKernel kernel, KeepPaths paths, SafeFileHandle file) =>
        HasName(kernel, file, paths.Record) ? new KeepRecord(kernel, paths, file) : null;

    /// <summary>What it says: of each object the last.</summary>
    /// <exception cref="KeepException">It is not a record of ours.</exception>
    /// <exception cref="KernelException">It cannot be read.</exception>
    public RecordContent Read()
    {
        var bytes = new byte[_file.Length];
        for (var have = 0; have < bytes.Length;)
        {
            var count = _kernel.Pread(_file.Handle, bytes.AsSpan(have), (ulong)have);
            if (count == 0)
                break;
            have += count;
        }
        // Behind the last line end is a line that somebody was killed over: its command was never answered.
        var text = Encoding.UTF8.GetString(bytes.AsSpan(0, bytes.AsSpan().LastIndexOf((byte)'\n') + 1));
        var objects = new OrderedDictionary<string, KeptObject>();
        var intents = new Dictionary<string, KeptIntent>();
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < lines.Length; i++)
        {
            var line = Parse(lines[i], i + 1);
            if (i == 0 && line.Layout != RecordLine.CurrentLayout)
                throw new KeepException($"{_paths.Record}: not a record of this program's layout {RecordLine.CurrentLayout}");
            // What was before this boot is nowhere.
            if (i == 0 && line.Boot != Boot)
                return RecordContent.Nothing;
            if (line.Intent is { } intent)
                intents[intent.Id] = intent;
            if (line.Put is { } put)
                objects[put.Options.Id] = put;
            if ((line.Delete ?? line.Put?.Options.Id) is { } id)
                intents.Remove(id);
            if (line.Delete is { } gone)
                objects.Remove(gone);
        }
        return new RecordContent([.. objects.Values], [.. intents.Values]);
    }

    /// <summary>Writes one line behind the others.</summary>
    /// <exception cref="KernelException">ENOSPC, EIO: it may be there in part, and must be emptied or written anew.</exception>
    public void Append(RecordLine line)
    {
        _line.ResetWrittenCount();
        LineFile.Format(line, _line);
        _file.Append(_line.WrittenSpan);
        _copy?.Follow(_line.WrittenSpan);
    }

    /// <summary>Replaces the record by one without history. Until it is whole the old one counts.</summary>
    /// <exception cref="KernelException">The old one is still there.</exception>
    public void Rewrite(IEnumerable<KeptObject> objects, IEnumerable<KeptIntent> intents)
    {
        RecordCopy? copy = null;
        try
        {
            copy = BeginCopy(intents);
            foreach (var kept in objects)
                copy.Add(new RecordLine { Put = kept });
            TryFinish(copy);
        }
        finally
        {
            DropCopy();
            copy?.Dispose();
        }
    }

    /// <summary>Begins a copy without history, in place of any other; its objects are for the caller to add, on any thread.</summary>
    /// <exception cref="KernelException">There is none.</exception>
    public RecordCopy BeginCopy(IEnumerable<KeptIntent> intents)
    {
        DropCopy();
        RemoveNew();
        var file = _kernel.Open(_paths.NewRecord, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, Mode);
        _copy = new RecordCopy(new LineFile(_kernel, file));
        _copy.Add(new RecordLine { Layout = RecordLine.CurrentLayout, Boot = Boot });
        foreach (var intent in intents)
            _copy.Add(new RecordLine { Intent = intent });
        return _copy;
    }

    /// <summary>All is in the copy: it becomes the record, and has its lock. What was the record goes with the copy.</summary>
    /// <returns>false: it was dropped meanwhile.</returns>
    /// <exception cref="KernelException">The old one is still there.</exception>
    public bool TryFinish(RecordCopy copy)
    {
        if (copy != _copy)
            return false;
        copy.Complete();
        // Before it has the name: nobody else ever gets the lock.
        _kernel.TryLock(copy.File.Handle);
        _kernel.Rename(_paths.NewRecord, _paths.Record);
        _file = copy.Exchange(_file);
        _withoutHistory = _file.Length;
        _copy = null;
        return true;
    }

    /// <summary>Gives up that copy, unless it is finished or dropped.</summary>
    public void Drop(RecordCopy copy)
    {
        if (copy == _copy)
            DropCopy();
    }

    /// <summary>Gives up the copy that is being made, if there is one.</summary>
    public void DropCopy()
    {
        if (_copy is null)
            return;
        _copy.Dispose();
        _copy = null;
        try
        {
            RemoveNew();
        }
        catch (KernelException)
        {
            // Nobody reads it, and the next copy removes it first.
        }
    }

    /// <summary>No copy can be made: the next time is when the record has doubled.</summary>
    public void PutUpWithHistory()
    {
        DropCopy();
        _withoutHistory = _file.Length;
    }

    /// <summary>Takes everything back: a successor finds nothing rather than something wrong.</summary>
    /// <exception cref="KernelException">EIO.</exception>
    public void Empty()
    {
        DropCopy();
        _file.Empty();
        _withoutHistory = 0;
    }

    /// <summary>Removes the file: the daemon ends, and nothing outlives it. The lock stays until <see cref="Dispose"/>.</summary>
    public void Remove()
    {
        try
        {
            DropCopy();
            if (HasName(_kernel, _file.Handle, _paths.Record))
                _kernel.Unlink(_paths.Record);
        }
        catch (KernelException)
        {
            // Gone already; or its folder is.
        }
    }

    /// <summary>Lets go of the lock; the file stays.</summary>
    public void Dispose()
    {
        _copy?.Dispose();
        _file.Dispose();
    }

    private static bool HasName(IKernel kernel, SafeHandle file, string path)
    {
        try
        {
            using var named = kernel.Open(path, OpenFlags.PathOnly | OpenFlags.NoFollow, 0);
            var (mine, other) = (kernel.Fstat(file), kernel.Fstat(named));
            return (mine.Device, mine.Inode) == (other.Device, other.Inode);
        }
        catch (KernelException e) when (e.Errno == Errno.ENOENT)
        {
            return false;
        }
    }

    private void RemoveNew()
    {
        try
        {
            _kernel.Unlink(_paths.NewRecord);
        }
        catch (KernelException e) when (e.Errno == Errno.ENOENT)
        {
            // As a rule nobody was killed over it.
        }
    }

    private RecordLine Parse(string line, int number)
    {
        try
        {
            return InputVisitor.Read<RecordLine>(JsonText.Parse(line) as JsonObject ?? throw new FormatException("not an object"));
        }
        catch (Exception e) when (e is FormatException or QmpException)
        {
            throw new KeepException($"{_paths.Record}, line {number}: {e.Message}");
        }
    }
}
