using Xunit;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>pmemsave and xp: what the guest has in memory, into a file and as text.</summary>
public sealed class SaveTests : IDisposable
{
    private const ulong Base = 4UL << 30;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hostmemd-save-");
    private readonly LinuxKernel _kernel = new();

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("memory-backend-memfd", "", true)]
    [InlineData("memory-backend-shm", "", true)]
    [InlineData("memory-backend-ram", "", false)]
    public async Task Bytes_are_where_they_were_and_what_nobody_touched_is_a_hole_of_the_file(string type, string more, bool staysEmpty)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, InProcessGuest.Dimms + " -accel none");
        var client = await guest.ConnectAsync();
        await PlugAsync(client, type, more, 64 << 20);
        var memory = guest.Guest.State.Backends["m"].Backend.Memory;
        memory.Write(0, [1]);
        memory.Write((32 << 20) + 4095, [2, 3]);

        await client.ExchangeAsync(Save(Base, 64 << 20), """{"return": {}}""");

        var file = _folder.FullName + "/saved";
        var expected = new byte[64 << 20];
        (expected[0], expected[(32 << 20) + 4095], expected[(32 << 20) + 4096]) = (1, 2, 3);
        var saved = await File.ReadAllBytesAsync(file);
        Assert.True(expected.AsSpan().SequenceEqual(saved));
        Assert.InRange(Blocks(file), 1UL, 8UL << 20);
        if (staysEmpty)
            Assert.InRange(_kernel.Fstat(guest.Guest.State.Backends["m"].Backend.File!.Handle).Blocks * 512, 1UL, 64UL << 10);
    }

    [KvmFact]
    public async Task A_guest_memfd_is_saved_and_its_holes_stay()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel);
        var client = await guest.ConnectAsync();
        await PlugAsync(client, "memory-backend-guest-memfd", "", 16 << 20);
        guest.Guest.State.Backends["m"].Backend.Memory.Write(9 << 20, "hello"u8);

        await client.ExchangeAsync(Save(Base + (9 << 20) + 1, 3), """{"return": {}}""");
        Assert.Equal("ell", await File.ReadAllTextAsync(_folder.FullName + "/saved"));
        await client.ExchangeAsync(Save(Base, 16 << 20), """{"return": {}}""");

        Assert.InRange(Blocks(_folder.FullName + "/saved"), 1UL, 4UL << 20);
        var pages = new byte[4096];
        _kernel.Mincore(guest.Guest.State.Backends["m"].Backend.Memory.Address, 16 << 20, pages);
        Assert.Equal(1, pages.Count(page => (page & 1) != 0));
    }

    [Fact]
    public async Task Memory_whose_file_was_cut_off_is_an_error_and_the_guest_goes_on()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, InProcessGuest.Dimms + " -accel none");
        var client = await guest.ConnectAsync();
        var path = _folder.FullName + "/backing";
        await PlugAsync(client, "memory-backend-file", $", \"mem-path\": \"{path}\", \"share\": true", 4 << 20);
        await using (var backing = File.OpenWrite(path))
            backing.SetLength(2 << 20);

        await client.ExchangeAsync(
            Save(Base, 4 << 20),
            """{"error": {"class": "GenericError", "desc": "cannot read guest memory at 0x100200000, in memory backend 'm': Bad address"}}""");
        await client.ExchangeAsync(Xp("/2xb 0x1001fffff"), """{"return": "1001fffff: Cannot access memory\r\n"}""");
        await client.ExchangeAsync(Save(Base, 2 << 20), """{"return": {}}""");
    }

    [Fact]
    public async Task Where_no_memory_is_the_file_has_zeroes()
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, "-machine q35 -m 1M -accel none");
        var client = await guest.ConnectAsync();
        guest.Guest.State.Backends["pc.ram"].Backend.Memory.Write((1 << 20) - 1, [7]);

        await client.ExchangeAsync(Save((1 << 20) - 1, 3), """{"return": {}}""");
        Assert.Equal(new byte[] { 7, 0, 0 }, await File.ReadAllBytesAsync(_folder.FullName + "/saved"));
        await client.ExchangeAsync(Save(1UL << 50, 2), """{"return": {}}""");
        Assert.Equal(new byte[2], await File.ReadAllBytesAsync(_folder.FullName + "/saved"));
    }

    [Theory]
    [InlineData("/nowhere/x", "Could not open '/nowhere/x': No such file or directory")]
    [InlineData("/dev/null", "writing memory to '/dev/null' failed: it is not a regular file, which alone can have holes")]
    [InlineData("/", "Could not open '/': Is a directory")]
    public async Task A_file_that_cannot_be_written_is_told(string path, string text)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, "-machine q35 -m 1M -accel none");
        var client = await guest.ConnectAsync();

        await client.ExchangeAsync(
            $$$"""{"execute": "pmemsave", "arguments": {"val": 0, "size": 1, "filename": "{{{path}}}"} }""",
            $$$"""{"error": {"class": "GenericError", "desc": "{{{text}}}"} }""");
    }

    /// <summary>The bytes and what QEMU 11.1.3 showed of them, where its firmware ends.</summary>
    [Theory]
    [InlineData("xp /4xb 0xffff0", "000ffff0: 0xea 0x5b 0xe0 0x00\\r\\n")]
    [InlineData("xp/4xb 0xffff0", "000ffff0: 0xea 0x5b 0xe0 0x00\\r\\n")]
    [InlineData("xp 0xffff0", "000ffff0: 0x00e05bea\\r\\n")]
    [InlineData("xp /8xh 1048560", "000ffff0: 0x5bea 0x00e0 0x30f0 0x2f36 0x3332 0x392f 0x0039 0x00fc\\r\\n")]
    [InlineData("xp /20cb 0xffff0", "000ffff0: '\\\\xea' '[' '\\\\xe0' '\\\\x00' '\\\\xf0' '0' '6' '/'\\r\\n000ffff8: '2' '3' '/' '9' '9' '\\\\x00' '\\\\xfc' '\\\\x00'\\r\\n00100000: Cannot access memory\\r\\n")]
    [InlineData("xp /4xg 0xffff0", "000ffff0: 0x2f3630f000e05bea 0x00fc0039392f3332\\r\\n00100000: Cannot access memory\\r\\n")]
    [InlineData("xp /3ow 0xffff0", "000ffff0: 0   70055752 0 5715430360 0 7113631462\\r\\n")]
    [InlineData("xp /3uw 0xffff0", "000ffff0:   14703594  792080624  959394610\\r\\n")]
    [InlineData("xp /4dh 0xffff0", "000ffff0: 23530   224 12528 12086\\r\\n")]
    [InlineData("xp /2dg 0x10", "00000010:                    0                    0\\r\\n")]
    [InlineData("xp /4cw 0xffff0", "000ffff0: '\\\\xea' '[' '\\\\xe0' '\\\\x00' '\\\\xf0' '0' '6' '/'\\r\\n000ffff8: '2' '3' '/' '9' '9' '\\\\x00' '\\\\xfc' '\\\\x00'\\r\\n")]
    [InlineData("xp /3xw 0xffffff00000", "ffffff00000: Cannot access memory\\r\\n")]
    [InlineData("xp /s 0", "invalid char in format: 's'\\r\\nTry \\\"help xp\\\" for more information\\r\\n")]
    [InlineData("xp", "unexpected end of expression\\r\\nTry \\\"help xp\\\" for more information\\r\\n")]
    [InlineData("xp /1048577xb 0", "xp: at most 1048576 bytes are shown at a time\\r\\nTry \\\"help xp\\\" for more information\\r\\n")]
    [InlineData("xp 1+1", "xp: the address is a number, not '1+1'\\r\\nTry \\\"help xp\\\" for more information\\r\\n")]
    public async Task Memory_is_shown_as_in_QEMU(string line, string text)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, "-machine q35 -m 1M -accel none");
        var client = await guest.ConnectAsync();
        guest.Guest.State.Backends["pc.ram"].Backend.Memory.Write(
            0xffff0, Convert.FromHexString("EA5BE000F030362F32332F393900FC00"));

        await client.ExchangeAsync(
            $$$"""{"execute": "human-monitor-command", "arguments": {"command-line": "{{{line}}}"} }""", $$$"""{"return": "{{{text}}}"}""");
    }

    private static string Xp(string arguments) =>
        $$$"""{"execute": "human-monitor-command", "arguments": {"command-line": "xp {{{arguments}}}"} }""";

    private string Save(ulong addr, ulong size) =>
        $$$"""{"execute": "pmemsave", "arguments": {"val": {{{addr}}}, "size": {{{size}}}, "filename": "{{{_folder.FullName}}}/saved"} }""";

    private ulong Blocks(string path)
    {
        using var file = _kernel.Open(path, OpenFlags.ReadOnly, 0);
        return _kernel.Fstat(file).Blocks * 512;
    }

    private static async Task PlugAsync(QmpClient client, string type, string more, int size)
    {
        await client.ExchangeAsync(
            $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "m", "size": {{{size}}}{{{more}}}} }""", """{"return": {}}""");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
    }
}
