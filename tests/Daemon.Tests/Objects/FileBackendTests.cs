using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>memory-backend-file on real files: what is in the file, what stays of it, and what is never touched.</summary>
public sealed class FileBackendTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hostmemd-file-").FullName;
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        _client = await _guest.ConnectAsync();
    }

    public async Task DisposeAsync()
    {
        await _guest.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_shared_file_holds_what_is_written_to_the_memory()
    {
        var path = await NewFileAsync("f", 8192);
        await AddAsync($$"""{"size": 4096, "mem-path": "{{path}}", "offset": 4096, "share": true}""");
        Memory().Write(10, "HOSTMEMD"u8);
        await DeleteAsync();

        var content = await File.ReadAllBytesAsync(path);
        Assert.Equal("HOSTMEMD"u8.ToArray(), content[4106..4114]);
        Assert.Equal(8192, content.Length);
    }

    [Fact]
    public async Task A_private_file_stays_as_it_is()
    {
        var path = await NewFileAsync("f", 4096);
        await AddAsync($$"""{"size": 4096, "mem-path": "{{path}}"}""");
        Memory().Write(0, "HOSTMEMD"u8);
        await DeleteAsync();

        Assert.All(await File.ReadAllBytesAsync(path), value => Assert.Equal(0, value));
    }

    [Fact]
    public async Task A_new_file_gets_its_size_and_stays()
    {
        var path = Path.Combine(_directory, "new");
        await AddAsync($$"""{"size": 8192, "mem-path": "{{path}}", "offset": 4096, "share": true}""");
        await DeleteAsync();

        Assert.Equal(12288, new FileInfo(path).Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path) & (UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Fact]
    public async Task A_new_file_is_gone_when_the_object_cannot_be_made()
    {
        var path = Path.Combine(_directory, "new");
        await RefuseAsync(
            $$"""{"size": 4096, "mem-path": "{{path}}", "policy": "bind", "host-nodes": [7]}""", "cannot bind memory to host NUMA nodes: Invalid argument");

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task An_existing_file_stays_when_the_object_cannot_be_made()
    {
        var path = await NewFileAsync("f", 4096);
        await RefuseAsync(
            $$"""{"size": 4096, "mem-path": "{{path}}", "policy": "bind", "host-nodes": [7]}""", "cannot bind memory to host NUMA nodes: Invalid argument");

        Assert.Equal(4096, new FileInfo(path).Length);
    }

    [Fact]
    public async Task A_directory_gets_a_file_without_a_name()
    {
        await AddAsync($$"""{"size": 4096, "mem-path": "{{_directory}}", "share": true}""");

        Assert.Empty(Directory.GetFileSystemEntries(_directory));
        Assert.Contains(ProcessResources.Descriptors(), target => target.StartsWith(_directory + "/qemu_back_mem.m.", StringComparison.Ordinal));
        await DeleteAsync();
        Assert.DoesNotContain(ProcessResources.Descriptors(), target => target.StartsWith(_directory, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Discard_data_empties_a_shared_file_and_nothing_else()
    {
        var path = await NewFileAsync("f", 12288);
        await File.WriteAllBytesAsync(path, [.. Enumerable.Repeat((byte)7, 12288)]);
        await AddAsync($$"""{"size": 4096, "mem-path": "{{path}}", "offset": 4096, "share": true, "discard-data": true}""");
        await DeleteAsync();

        var content = await File.ReadAllBytesAsync(path);
        Assert.All(content[..4096], value => Assert.Equal(7, value));
        Assert.All(content[4096..8192], value => Assert.Equal(0, value));
        Assert.All(content[8192..], value => Assert.Equal(7, value));
    }

    [Fact]
    public async Task Discard_data_can_be_switched_off_while_the_object_is_there()
    {
        var path = await NewFileAsync("f", 4096);
        await File.WriteAllBytesAsync(path, [.. Enumerable.Repeat((byte)7, 4096)]);
        await AddAsync($$"""{"size": 4096, "mem-path": "{{path}}", "share": true, "discard-data": true}""");
        await _client.ExchangeAsync(
            """{"execute": "qom-set", "arguments": {"path": "/objects/m", "property": "discard-data", "value": false}}""", """{"return": {}}""");
        await DeleteAsync();

        Assert.All(await File.ReadAllBytesAsync(path), value => Assert.Equal(7, value));
    }

    [Fact]
    public async Task A_rom_cannot_be_written()
    {
        var path = await NewFileAsync("f", 4096);
        await AddAsync($$"""{"size": 4096, "mem-path": "{{path}}", "readonly": true, "prealloc": true}""");

        Assert.Equal(Errno.EFAULT, Assert.Throws<KernelException>(() => Memory().Write(0, "x"u8)).Errno);
        Memory().Read(0, new byte[8]);
    }

    [KvmFact]
    public async Task A_vcpu_reads_a_rom_and_cannot_write_it()
    {
        var path = await NewFileAsync("f", 4096);
        await File.WriteAllTextAsync(path, "HOSTMEMD".PadRight(4096));
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(Request($$"""{"size": 4096, "mem-path": "{{path}}", "readonly": true}"""), """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");

        Assert.True((await client.QueryAsync("query-memory-slots")).Contains("\"readonly\": true", StringComparison.Ordinal));
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294967296}}""",
            """{"return": {"outcome": "done", "generation": "$int", "native": "$any", "guest-data": "SE9TVE1FTUQ=", "host-data": "SE9TVE1FTUQ=", "equal": true, "different-pages": 0}}""");
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 4294967296, "data": "AAAAAAAAAAA="}}""",
            """{"return": {"outcome": "mmio", "generation": "$int", "native": "$any", "fault-addr": 4294967296}}""");
    }

    [Fact]
    public async Task A_private_copy_of_a_read_only_file_can_be_written()
    {
        var path = await NewFileAsync("f", 4096);
        await AddAsync($$"""{"size": 4096, "mem-path": "{{path}}", "readonly": true, "rom": "off", "prealloc": true}""");
        Memory().Write(0, "x"u8);
        await DeleteAsync();

        Assert.All(await File.ReadAllBytesAsync(path), value => Assert.Equal(0, value));
    }

    [Fact]
    public async Task A_pipe_is_refused_and_nobody_waits()
    {
        var path = Path.Combine(_directory, "pipe");
        using (var made = System.Diagnostics.Process.Start("mkfifo", path))
            await made.WaitForExitAsync();

        await RefuseAsync($$"""{"size": 4096, "mem-path": "{{path}}", "readonly": true}""", "unable to map backing store for guest RAM: Illegal seek");
    }

    [KvmFact]
    public async Task A_guest_memfd_is_never_opened_through_proc()
    {
        await using var owner = await InProcessGuest.StartAsync(new LinuxKernel());
        var other = await owner.ConnectAsync();
        await other.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-guest-memfd", "id": "g", "size": 4096}}""", """{"return": {}}""");
        var fd = owner.Guest.State.Backends["g"].Backend.File!.Handle.DangerousGetHandle();
        var link = Path.Combine(_directory, "link");
        File.CreateSymbolicLink(link, $"/proc/self/fd/{fd}");

        foreach (var path in new[] { $"/proc/self/fd/{fd}", link })
            await RefuseAsync(
                $$"""{"size": 4096, "mem-path": "{{path}}", "share": true}""",
                $"can't open backing store {path} for guest RAM: No such device or address");
    }

    [Fact]
    public async Task A_file_in_a_set_of_descriptors_is_used_as_it_is()
    {
        using var kernelFile = new LinuxKernel().MemfdCreate("given", MemfdFlags.None);
        new LinuxKernel().Ftruncate(kernelFile, 8192);
        _guest.Guest.FdSets.Add(7, null, new LinuxKernel().Duplicate(kernelFile));
        await AddAsync("""{"size": 8192, "mem-path": "/dev/fdset/7", "share": true}""");
        Memory().Write(4096, "HOSTMEMD"u8);
        var seen = new byte[8];
        new LinuxKernel().Pread(kernelFile, seen, 4096);

        Assert.Equal("HOSTMEMD"u8.ToArray(), seen);
        // The set and the backend have a descriptor each: neither goes with the other.
        Assert.True(_guest.Guest.FdSets.Remove(7, null));
        Memory().Write(0, "x"u8);
    }

    [Theory]
    [InlineData("/dev/fdset/8", "No such file or directory")]
    [InlineData("/dev/fdset/7/..", "No such file or directory")]
    public Task A_set_that_is_not_there_is_named(string path, string error) =>
        RefuseAsync($$"""{"size": 4096, "mem-path": "{{path}}"}""", $"can't open backing store {path} for guest RAM: {error}");

    [Fact]
    public async Task A_set_without_a_writable_descriptor_is_refused_for_writing()
    {
        var path = await NewFileAsync("f", 4096);
        _guest.Guest.FdSets.Add(3, null, new LinuxKernel().Open(path, OpenFlags.ReadOnly, 0));

        await RefuseAsync("""{"size": 4096, "mem-path": "/dev/fdset/3"}""", "can't open backing store /dev/fdset/3 for guest RAM: Permission denied");
        await AddAsync("""{"size": 4096, "mem-path": "/dev/fdset/3", "readonly": true}""");
    }

    [Fact]
    public async Task A_name_with_a_zero_byte_is_not_cut_there()
    {
        await NewFileAsync("a", 4096);
        var path = _directory + "/a\\u0000b";
        var answer = await _client.AskAsync(Request($$"""{"size": 4096, "mem-path": "{{path}}"}"""));

        Assert.EndsWith("Invalid argument", answer.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
    }

    private static string Request(string properties) =>
        """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-file", "id": "m", """ + properties[1..] + "}";

    private async Task<string> NewFileAsync(string name, int size)
    {
        var path = Path.Combine(_directory, name);
        await File.WriteAllBytesAsync(path, new byte[size]);
        return path;
    }

    private MappedMemory Memory() => _guest.Guest.State.Backends["m"].Backend.Memory;

    private Task AddAsync(string properties) => _client.ExchangeAsync(Request(properties), """{"return": {}}""");

    private Task DeleteAsync() =>
        _client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");

    private Task RefuseAsync(string properties, string error) => _client.ExchangeAsync(
        Request(properties), $$$"""{"error": {"class": "GenericError", "desc": "{{{error}}}"}}""");
}
