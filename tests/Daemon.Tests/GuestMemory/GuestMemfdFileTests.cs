using System.Runtime.InteropServices;
using Hostmemd.Daemon.Tests.Processes;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.GuestMemory;

/// <summary>
/// docs/guest-memfd.md, "The file and its mapping": a client that was sent the descriptor does everything to it, on the real kernel. Whatever it
/// is, the guest and the daemon go on.
/// </summary>
public sealed class GuestMemfdFileTests
{
    private const ulong Size = 2 << 20;
    private const ulong Page = MappedMemory.PageSize;
    private const FallocateMode ZeroRange = (FallocateMode)0x10;
    private const FallocateMode Collapse = (FallocateMode)0x08;

    private readonly LinuxKernel _kernel = new();

    [KvmFact]
    public Task The_descriptor_is_what_the_reply_says() => RunAsync(async (client, file) =>
    {
        var (answer, more) = await client.RequestDescriptorAsync("m");
        using var again = Assert.Single(more);
        var reply = answer.GetProperty("return");
        Assert.Equal(
            """{"memdev": "/objects/m", "fd-type": "guest-memfd", "offset": 0, "size": 2097152, "page-size": 4096, "share": true, "seals": [], "mappable": true, "reopenable": false}""",
            reply.GetRawText());
        Assert.Equal("anon_inode:[kvm-gmem]", _kernel.ReadLink(file));
        // Made by the kernel without it, close-on-exec is set in the daemon and on receipt.
        Assert.Equal(LibC.FD_CLOEXEC, LibC.fcntl((int)file.DangerousGetHandle(), LibC.F_GETFD));
        var status = _kernel.Fstat(file);
        Assert.Equal((Size, 0x8180u, 4096UL), (status.Size, status.Mode, status.BlockSize));
        // Populated or not, the kernel says that it has no blocks: query-memory-usage counts pages.
        using var memory = Map(file);
        memory.Populate();
        Assert.Equal(0UL, _kernel.Fstat(file).Blocks);
        await client.ExchangeAsync(
            """{"execute": "query-memory-usage", "arguments": {"memdev": "m"}}""",
            """{"return": {"$object-with": {"backends": [{"$object-with": {"resident": 2097152}}]}}}""");
    });

    [KvmFact]
    public Task Each_call_on_the_descriptor_answers_as_the_table_says() => RunAsync(async (client, file) =>
    {
        using var memory = Map(file);
        var fd = (int)file.DangerousGetHandle();
        var at = memory.Address;
        (string Call, int Errno, Action Run)[] rows =
        [
            ("read", Errno.EINVAL, () => _kernel.Read(file, new byte[8])),
            ("write", Errno.EINVAL, () => _kernel.Write(file, "x"u8)),
            ("pread", Errno.ESPIPE, () => _kernel.Pread(file, new byte[8], 0)),
            ("pwrite", Errno.ESPIPE, () => _kernel.Pwrite(file, "x"u8, 0)),
            ("lseek END", Errno.ESPIPE, () => _kernel.SeekEnd(file)),
            ("lseek DATA", Errno.ESPIPE, () => _kernel.SeekData(file, 0)),
            ("ftruncate grow", Errno.EINVAL, () => _kernel.Ftruncate(file, 2 * Size)),
            ("ftruncate shrink", Errno.EINVAL, () => _kernel.Ftruncate(file, Page)),
            ("ftruncate same", Errno.EINVAL, () => _kernel.Ftruncate(file, Size)),
            ("fchmod", Errno.EINVAL, () => _kernel.Fchmod(file, 0x1FF)),
            ("fsync", Errno.EINVAL, () => Check(LibC.fsync(fd))),
            ("F_ADD_SEALS", Errno.EINVAL, () => _kernel.AddSeals(file, FileSeals.Grow)),
            ("F_GET_SEALS", Errno.EINVAL, () => _kernel.GetSeals(file)),
            ("fallocate 0", Errno.EOPNOTSUPP, () => _kernel.Fallocate(file, FallocateMode.None, 0, Page)),
            ("fallocate PUNCH_HOLE without KEEP_SIZE", Errno.EOPNOTSUPP, () => _kernel.Fallocate(file, FallocateMode.PunchHole, 0, Page)),
            ("fallocate ZERO_RANGE", Errno.EOPNOTSUPP, () => _kernel.Fallocate(file, ZeroRange, 0, Page)),
            ("fallocate COLLAPSE_RANGE", Errno.EOPNOTSUPP, () => _kernel.Fallocate(file, Collapse, 0, Page)),
            ("fallocate KEEP_SIZE", 0, () => _kernel.Fallocate(file, FallocateMode.KeepSize, 0, Page)),
            ("fallocate KEEP_SIZE past the end", Errno.EINVAL, () => _kernel.Fallocate(file, FallocateMode.KeepSize, Size, Page)),
            ("fallocate KEEP_SIZE half a page", Errno.EINVAL, () => _kernel.Fallocate(file, FallocateMode.KeepSize, 0, 100)),
            ("fallocate PUNCH_HOLE half a page", Errno.EINVAL, () => Punch(file, 0, 100)),
            ("fallocate PUNCH_HOLE of nothing", Errno.EINVAL, () => Punch(file, 0, 0)),
            ("fallocate PUNCH_HOLE past the end", 0, () => Punch(file, Size, Page)),
            ("mmap shared", 0, () => Mmap(file, MapFlags.Shared)),
            ("mmap shared, longer than the file", 0, () => Mmap(file, MapFlags.Shared, 2 * Size)),
            ("mmap private", Errno.EINVAL, () => Mmap(file, MapFlags.Private)),
            ("mmap to execute", Errno.EPERM, () => Mmap(file, MapFlags.Shared, Size, (MemoryProtection)4)),
            ("mmap huge pages", Errno.EINVAL, () => Mmap(file, MapFlags.Shared | MapFlags.HugeTlb)),
            ("mmap MAP_SYNC", Errno.EOPNOTSUPP, () => Mmap(file, MapFlags.SharedValidate | MapFlags.Sync)),
            ("mprotect to execute", Errno.EACCES, () => _kernel.Mprotect(at, Page, MemoryProtection.Read | (MemoryProtection)4)),
            .. Advice(at, 0, ("NORMAL", 0), ("RANDOM", 1), ("SEQUENTIAL", 2), ("WILLNEED", 3), ("DONTNEED", 4), ("DONTFORK", 10), ("DOFORK", 11),
                ("MERGEABLE", 12), ("UNMERGEABLE", 13), ("HUGEPAGE", 14), ("NOHUGEPAGE", 15), ("DONTDUMP", 16), ("DODUMP", 17), ("COLD", 20),
                ("PAGEOUT", 21), ("POPULATE_READ", 22), ("POPULATE_WRITE", 23), ("GUARD_INSTALL", 102), ("GUARD_REMOVE", 103), ("REMOVE", 9)),
            .. Advice(at, Errno.EINVAL, ("FREE", 8), ("WIPEONFORK", 18)),
            ("mincore", 0, () => _kernel.Mincore(at, Page, new byte[1])),
            ("mbind to an absent node", Errno.EINVAL, () => _kernel.Mbind(at, Size, MemoryPolicy.Bind, [63])),
        ];

        Assert.Equal(rows.Select(row => $"{row.Call}: {Name(row.Errno)}"), rows.Select(row => $"{row.Call}: {Name(Try(row.Run))}"));
        await ExpectSoundAsync(client);
    });

    [KvmFact]
    public Task Behind_the_end_of_the_file_there_is_an_error_and_no_page() => RunAsync(async (client, file) =>
    {
        using var longer = MappedMemory.Create(_kernel, new MappingOptions { Size = 2 * Size, File = file, Shared = true });
        Assert.Equal(Errno.EFAULT, Try(() => longer.Populate(Size, Page, 1, null, default)));
        Assert.Equal(Errno.EFAULT, Try(() => longer.Read(Size, new byte[8])));
        Assert.Equal(Errno.EFAULT, Try(() => longer.Write(Size, new byte[8])));
        await ExpectSoundAsync(client);
    });

    [KvmFact]
    public Task What_the_borrower_does_to_the_pages_the_guest_sees_at_once() => RunAsync(async (client, file) =>
    {
        using var memory = Map(file);
        memory.Write(0, "hostmemd"u8);
        await ExpectBytesAsync(client, "hostmemd"u8.ToArray());
        _kernel.Madvise(memory.Address, Size, MemoryAdvice.DontNeed);
        await ExpectBytesAsync(client, "hostmemd"u8.ToArray());
        Punch(file, 0, Page);
        await ExpectBytesAsync(client, new byte[8]);
        memory.Write(0, "hostmemd"u8);
        _kernel.Madvise(memory.Address, Page, MemoryAdvice.Remove);
        await ExpectBytesAsync(client, new byte[8]);
        // The other way: a page that the vCPU makes is in the borrower's mapping.
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 4294967296, "data": "aG9zdG1lbWQ=", "force": true}}""",
            """{"return": {"$object-with": {"outcome": "done"}}}""");
        var seen = new byte[8];
        memory.Read(0, seen);
        Assert.Equal("hostmemd"u8.ToArray(), seen);
    });

    [KvmFact]
    public Task A_second_descriptor_is_the_same_file() => RunAsync(async (client, file) =>
    {
        using var other = _kernel.Duplicate(file);
        using var first = Map(file);
        using var second = Map(other);
        first.Write(4096, "both"u8);
        var seen = new byte[4];
        second.Read(4096, seen);
        Assert.Equal("both"u8.ToArray(), seen);
        await ExpectSoundAsync(client);
    });

    private static Task RunAsync(Func<QmpClient, SafeFileHandle, Task> work) =>
        DaemonFixture.RunAsync("-accel kvm -machine q35 -m 0,slots=1,maxmem=1G", async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync(
                """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "guest-memfd": true}}""",
                """{"return": {}}""");
            await client.ExchangeAsync(
                """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
            using var file = Assert.Single((await client.RequestDescriptorAsync("m")).Descriptors);
            await work(client, file);
        });

    /// <summary>Guest and daemon see one memory, of the size it had.</summary>
    private static Task ExpectSoundAsync(QmpClient client) => client.ExchangeAsync(
        """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 4294967296, "size": 2097152}}""",
        """{"return": {"outcome": "done", "generation": "$int", "native": true, "equal": true, "different-pages": 0}}""");

    private static Task ExpectBytesAsync(QmpClient client, byte[] bytes) => client.ExchangeAsync(
        """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294967296, "size": 8}}""",
        $$$"""{"return": {"$object-with": {"outcome": "done", "native": true, "guest-data": "{{{Convert.ToBase64String(bytes)}}}", "equal": true} } }""");

    private MappedMemory Map(SafeHandle file) => MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = file, Shared = true });

    private void Mmap(SafeHandle file, MapFlags flags, ulong size = Size, MemoryProtection protection = MemoryProtection.Read) =>
        _kernel.Munmap(_kernel.Mmap(default, size, protection, flags, file, 0), size);

    private void Punch(SafeHandle file, ulong offset, ulong length) =>
        _kernel.Fallocate(file, FallocateMode.PunchHole | FallocateMode.KeepSize, offset, length);

    private IEnumerable<(string, int, Action)> Advice(HostAddress address, int errno, params (string Name, int Number)[] advice) =>
        advice.Select(one => ($"madvise {one.Name}", errno, (Action)(() => _kernel.Madvise(address, Page, (MemoryAdvice)one.Number))));

    private static string Name(int errno) => errno == 0 ? "ok" : Errno.Name(errno);

    private static void Check(int result)
    {
        if (result < 0)
            throw new KernelException("call", Marshal.GetLastPInvokeError());
    }

    private static int Try(Action call)
    {
        try
        {
            call();
            return 0;
        }
        catch (KernelException e)
        {
            return e.Errno;
        }
    }
}
