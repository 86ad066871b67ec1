using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Kvm.Tests;

public sealed partial class FakeKernel
{
    public Lock CloseOnExecGate { get; } = new();

    public string KernelRelease => "fake";

    public SystemMemory Memory { get; set; } = new(16UL << 30, 8UL << 30, 0, 0);

    public Dictionary<ResourceKind, ResourceLimit> Limits { get; } = new() { [ResourceKind.OpenFiles] = new(1024, 4096) };

    /// <summary>Of whichever thread was bound last.</summary>
    public IReadOnlyList<int> Affinity { get; set; } = [0, 1];

    /// <summary>Paths that exist.</summary>
    public HashSet<string> Paths { get; } = [];

    public SafeFileHandle Open(string path, int flags, uint mode) => Enter(nameof(Open), () =>
    {
        const int create = 0x40;
        if (!Paths.Contains(path) && (flags & create) == 0)
            throw new KernelException("open", Errno.ENOENT);
        Paths.Add(path);
        return Register(new SafeFileHandle(Null(), ownsHandle: true), new FakeFile(path));
    });

    public void Unlink(string path) =>
        Enter(nameof(Unlink), () => Paths.Remove(path) ? true : throw new KernelException("unlink", Errno.ENOENT));

    public void Chown(string path, uint user, uint group) => Enter(nameof(Chown), () => true);

    public Memfd MemfdCreate(string name, MemfdFlags flags, ulong hugePageSize = 0) =>
        Enter(nameof(MemfdCreate), () => Register(new Memfd(Null()), new FakeFile($"/memfd:{name} (deleted)")
        {
            Seals = flags.HasFlag(MemfdFlags.AllowSealing) ? FileSeals.None : FileSeals.Seal,
            HugePageSize = !flags.HasFlag(MemfdFlags.HugeTlb) ? 0 : hugePageSize != 0 ? hugePageSize : 2 << 20,
        }));

    public void Ftruncate(SafeHandle file, ulong size) => Enter(nameof(Ftruncate), () =>
    {
        var known = FileOf(file, "ftruncate");
        if (known.Flags is not null)
            throw new KernelException("ftruncate", Errno.EINVAL);
        if (size < known.Size ? known.Seals.HasFlag(FileSeals.Shrink) : size > known.Size && known.Seals.HasFlag(FileSeals.Grow))
            throw new KernelException("ftruncate", Errno.EPERM);
        return known.Size = size;
    });

    public void Fallocate(SafeHandle file, FallocateMode mode, ulong offset, ulong length) => Enter(nameof(Fallocate), () =>
    {
        var known = FileOf(file, "fallocate");
        if (known.Flags is not null && (length == 0 || (offset | length) % MappedMemory.PageSize != 0))
            throw new KernelException("fallocate", Errno.EINVAL);
        for (var at = offset / MappedMemory.PageSize; at < (offset + length) / MappedMemory.PageSize; at++)
        {
            if (mode.HasFlag(FallocateMode.PunchHole))
                known.Pages.Remove(at);
            else
                known.Page(at);
        }

        return true;
    });

    public void AddSeals(SafeHandle file, FileSeals seals) => Enter(nameof(AddSeals), () =>
    {
        var known = FileOf(file, "fcntl(F_ADD_SEALS)");
        if (known.Flags is not null)
            throw new KernelException("fcntl(F_ADD_SEALS)", Errno.EINVAL);
        if (known.Seals.HasFlag(FileSeals.Seal))
            throw new KernelException("fcntl(F_ADD_SEALS)", Errno.EPERM);
        return known.Seals |= seals;
    });

    public FileSeals GetSeals(SafeHandle file) => Enter(nameof(GetSeals), () => FileOf(file, "fcntl(F_GET_SEALS)").Seals);

    public SafeFileHandle Duplicate(SafeHandle file) =>
        Enter(nameof(Duplicate), () => Register(new SafeFileHandle(Null(), ownsHandle: true), FileOf(file, "fcntl(F_DUPFD_CLOEXEC)")));

    public FileStatus Fstat(SafeHandle file) => Enter(nameof(Fstat), () =>
    {
        var known = FileOf(file, "fstat");
        var blocks = known.Flags is null ? (ulong)known.Pages.Count * 8 : 0;
        return new FileStatus(known.Size, 0x8180, 1, (ulong)known.GetHashCode(), MappedMemory.PageSize, blocks);
    });

    public ulong SeekEnd(SafeHandle file) => Enter(nameof(SeekEnd), () =>
        FileOf(file, "lseek") is { Flags: null } known ? known.Size : throw new KernelException("lseek", Errno.ESPIPE));

    public ulong? SeekData(SafeHandle file, ulong offset) => throw new KernelException("lseek", Errno.EINVAL);

    public ulong SeekHole(SafeHandle file, ulong offset) => throw new KernelException("lseek", Errno.EINVAL);

    public FileSystemStatus Fstatfs(SafeHandle file) => Enter(nameof(Fstatfs), () =>
        FileOf(file, "fstatfs").HugePageSize is > 0 and var size
            ? new FileSystemStatus(FileSystemStatus.HugeTlbFs, size)
            : new FileSystemStatus(0x01021994, MappedMemory.PageSize));

    public string ReadLink(SafeHandle file) => Enter(nameof(ReadLink), () => FileOf(file, "readlink").Link);

    public int Pread(SafeHandle file, Span<byte> buffer, ulong offset) => throw new NotSupportedException();

    public int Pwrite(SafeHandle file, ReadOnlySpan<byte> buffer, ulong offset)
    {
        var bytes = buffer.ToArray();
        return Enter(nameof(Pwrite), () =>
        {
            var known = FileOf(file, "pwrite");
            if (known.Flags is not null)
                throw new KernelException("pwrite", Errno.ESPIPE);
            for (var i = 0; i < bytes.Length; i++)
                known.Page((offset + (ulong)i) / MappedMemory.PageSize)[(offset + (ulong)i) % MappedMemory.PageSize] = bytes[i];
            return bytes.Length;
        });
    }

    public SystemMemory Sysinfo() => Enter(nameof(Sysinfo), () => Memory);

    public ResourceLimit GetRlimit(ResourceKind kind) => Enter(nameof(GetRlimit), () => Limits.GetValueOrDefault(kind));

    public void SetRlimit(ResourceKind kind, ResourceLimit limit) => Enter(nameof(SetRlimit), () => Limits[kind] = limit);

    public int Gettid() => Enter(nameof(Gettid), () => 1);

    public void Tgkill(int tid, int signal) => Enter(nameof(Tgkill), () => true);

    public IReadOnlyList<int> GetAffinity(int tid) => Enter(nameof(GetAffinity), () => Affinity);

    public void SetAffinity(int tid, IReadOnlyCollection<int> cpus) => Enter(nameof(SetAffinity), () => Affinity = [.. cpus]);

    public IReadOnlyList<int> GetCpusOfNode(uint node) => node == 0 ? [0, 1] : [];

    public void BlockSignal(int signal) => Enter(nameof(BlockSignal), () => true);

    public bool TakePendingSignal(int signal) => false;
}
