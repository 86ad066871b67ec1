using System.Net.Sockets;
using System.Text.Json;
using Hostmemd.Lending;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>Memory for vhost back ends: a real qemu-storage-daemon over vhost-user, and the kernel by the fake, as no device is here.</summary>
public sealed class VhostTests : IAsyncLifetime
{
    private const int Sector = 512;
    private const string Done = """{"return": {}}""";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hostmemd-");

    private string Image => Path.Combine(_directory.FullName, "image");

    private string BackEnd => Path.Combine(_directory.FullName, "vhost");

    public Task InitializeAsync()
    {
        var sectors = new byte[1 << 20];
        new Random(1).NextBytes(sectors);
        return File.WriteAllBytesAsync(Image, sectors);
    }

    public Task DisposeAsync()
    {
        _directory.Delete(recursive: true);
        return Task.CompletedTask;
    }

    [StorageDaemonFact]
    public Task A_back_end_reads_a_sector_into_our_memfd() => ReadSectorAsync("-accel none", "", VhostUserChannel.ReplyAck);

    [StorageDaemonFact]
    public Task A_back_end_that_takes_memory_piece_by_piece_reads_a_sector() =>
        ReadSectorAsync("-accel none", "", VhostUserChannel.ReplyAck | VhostUserChannel.ConfigureMemSlots);

    [StorageDaemonFact(NeedsKvm = true)]
    public Task A_back_end_reads_a_sector_into_our_guest_memfd() =>
        ReadSectorAsync("-machine none", ", \"guest-memfd\": true", VhostUserChannel.ReplyAck | VhostUserChannel.ConfigureMemSlots);

    [StorageDaemonFact(NeedsKvm = true)]
    public async Task Memory_lend_hands_the_table_to_a_back_end_and_sees_its_end()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-machine none");
        var client = await guest.ConnectAsync();
        await AddAsync(client, "m", "");
        await AddAsync(client, "g", ", \"guest-memfd\": true");
        using var backEnd = StorageDaemonFactAttribute.Start(Image, BackEnd);
        try
        {
            await Eventually.TrueAsync(() => UnixSockets.IsListenedOn(BackEnd), () => "no back end");
            await client.ExchangeAsync(
                $$$"""{"execute": "memory-lend", "arguments": {"method": "vhost-user", "memdevs": ["m", "g"], "path": "{{{BackEnd}}}"} }""", Done);

            foreach (var id in (string[])["m", "g"])
            {
                var loan = await LoanAsync(client, id);
                Assert.Equal("held", loan.GetProperty("state").GetString());
                var borrower = Assert.Single(loan.GetProperty("borrowers").EnumerateArray());
                Assert.Equal(backEnd.Id, borrower.GetProperty("pid").GetInt32());
                Assert.NotEqual(0, borrower.GetProperty("mappings").GetInt32());
            }
            // A VMM may have the same memory beside it.
            Assert.True((await LoanAsync(client, "m")).GetProperty("ways")[0].GetProperty("usable").GetBoolean());
            var refused = await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "g"}}""");
            Assert.Equal($"Memory backend 'g' is held by qemu-storage-da (pid {backEnd.Id})", refused.GetProperty("error").GetProperty("desc").GetString());
        }
        finally
        {
            backEnd.Kill();
            await backEnd.WaitForExitAsync();
        }
        while ((await LoanAsync(client, "g")).GetProperty("state").GetString() != "lost")
            await Task.Delay(5);
    }

    [Fact]
    public async Task What_is_no_back_end_is_told_of_and_gets_nothing()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        await AddAsync(client, "m", "");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(BackEnd));
        listener.Listen(1);
        var serving = Task.Run(async () =>
        {
            using var socket = await listener.AcceptAsync();
            await socket.SendAsync(new byte[64]);
            await socket.ReceiveAsync(new byte[64]);
        });

        var reply = await client.AskAsync(
            $$$"""{"execute": "memory-lend", "arguments": {"method": "vhost-user", "memdevs": ["m"], "path": "{{{BackEnd}}}"} }""");

        Assert.Equal(
            $"lending over '{BackEnd}' failed: no answer to GetFeatures as vhost-user has it", reply.GetProperty("error").GetProperty("desc").GetString());
        Assert.Equal("free", (await LoanAsync(client, "m")).GetProperty("state").GetString());
        await serving;
    }

    [Fact]
    public async Task The_kernel_gets_the_table_where_the_guest_has_the_memory_and_until_the_device_is_closed()
    {
        var kernel = new FakeKernel();
        await using var guest = await InProcessGuest.StartAsync(kernel);
        var client = await guest.ConnectAsync();
        await AddAsync(client, "plugged", "");
        await AddAsync(client, "other", "");
        await client.ExchangeAsync(
            """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "plugged"}}""", Done);
        guest.Guest.Descriptors.Set("net", new SafeFileHandle(File.OpenHandle("/dev/null").DangerousGetHandle(), ownsHandle: false));

        await client.ExchangeAsync(
            """{"execute": "memory-lend", "arguments": {"method": "vhost-kernel", "memdevs": ["plugged", "other"], "fdname": "net"}}""", Done);

        Assert.Equal(["VhostSetOwner", "VhostSetMemTable"], kernel.Calls.Where(call => call.StartsWith("Vhost", StringComparison.Ordinal)));
        var table = Assert.Single(kernel.VhostTables);
        var slot = Assert.Single(guest.Guest.State.Slots.All).Slot;
        Assert.Equal((slot.Gpa.Value, slot.Size, slot.Hva.Value), (table[0].guest_phys_addr, table[0].memory_size, table[0].userspace_addr));
        var other = guest.Guest.State.Backends["other"];
        Assert.Equal((5UL << 30, 2UL << 20, other.Backend.Memory.Address.Value), (table[1].guest_phys_addr, table[1].memory_size, table[1].userspace_addr));
        Assert.Equal(Hostmemd.Api.MemoryLoanState.Held, other.Loan.State);
        Assert.True(other.Backend.Memory.IsMapped);
        var refused = await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "other"}}""");
        Assert.Contains($"is held by", refused.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);

        await client.ExchangeAsync("""{"execute": "closefd", "arguments": {"fdname": "net"}}""", Done);
        Assert.Equal(Hostmemd.Api.MemoryLoanState.Free, guest.Guest.State.Backends["other"].Loan.State);
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "other"}}""", Done);
    }

    [Theory]
    [InlineData(nameof(IKernel.VhostSetOwner), Errno.ENOTTY)]
    [InlineData(nameof(IKernel.VhostSetMemTable), Errno.EPERM)]
    public async Task A_device_that_refuses_leaves_the_memory_free(string call, int errno)
    {
        var kernel = new FakeKernel();
        await using var guest = await InProcessGuest.StartAsync(kernel);
        var client = await guest.ConnectAsync();
        await AddAsync(client, "m", "");
        guest.Guest.Descriptors.Set("net", new SafeFileHandle(File.OpenHandle("/dev/null").DangerousGetHandle(), ownsHandle: false));
        kernel.FailAt(call, 1, errno);

        var reply = await client.AskAsync("""{"execute": "memory-lend", "arguments": {"method": "vhost-kernel", "memdevs": ["m"], "fdname": "net"}}""");

        Assert.Equal($"lending failed: {call}: {Errno.Text(errno)}", reply.GetProperty("error").GetProperty("desc").GetString());
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", Done);
    }

    /// <summary>Features, table, one virtqueue in our memory, and the image's third sector is read into it by the back end.</summary>
    private async Task ReadSectorAsync(string machine, string properties, ulong protocol)
    {
        const ulong virtioVersion1 = 1UL << 32;
        // Where in the memory: descriptors, the rings, the request, the data, the status.
        const ulong descriptors = 0, available = 0x1000, used = 0x2000, request = 0x3000, data = 0x4000, status = 0x5000;
        const int wanted = 3;
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), machine);
        var client = await guest.ConnectAsync();
        await AddAsync(client, "m", properties);
        var published = guest.Guest.State.Backends["m"];
        using var backEnd = StorageDaemonFactAttribute.Start(Image, BackEnd);
        try
        {
            await Eventually.TrueAsync(() => UnixSockets.IsListenedOn(BackEnd), () => "no back end");
            using var limit = new CancellationTokenSource(QmpClient.Patience);
            using var channel = new VhostUserChannel(await LendSocket.ConnectAsync(BackEnd, limit.Token), TimeProvider.System);
            await channel.OpenAsync(virtioVersion1, protocol, limit.Token);
            Assert.Equal(protocol, channel.ProtocolFeatures);
            var region = Assert.Single(VhostTable.Make(guest.Guest.State, [published]));
            Assert.Equal(0UL, region.Gpa.Value);
            await channel.SetMemoryAsync([region], limit.Token);

            var memory = published.Backend.Memory;
            memory.Write(request, Numbers(0u, 0u, (ulong)wanted));
            memory.Write(status, [0xFF]);
            const ushort next = 1, writable = 2;
            memory.Write(descriptors, [.. Descriptor(request, 16, next, 1), .. Descriptor(data, Sector, next | writable, 2), .. Descriptor(status, 1, writable, 0)]);
            // Flags, the index behind the last entry, the entry: descriptor 0.
            memory.Write(available, [0, 0, 1, 0, 0, 0]);
            using var kick = EventFd();
            using var call = EventFd();
            await channel.DoAsync(VhostUserRequest.SetVringNum, Numbers(0u, 8u), [], limit.Token);
            await channel.DoAsync(VhostUserRequest.SetVringBase, Numbers(0u, 0u), [], limit.Token);
            await channel.DoAsync(
                VhostUserRequest.SetVringAddr, Numbers(0u, 0u, region.Gpa.Value + descriptors, used, available, 0UL), [], limit.Token);
            await channel.DoAsync(VhostUserRequest.SetVringCall, Numbers(0UL), [call], limit.Token);
            await channel.DoAsync(VhostUserRequest.SetVringKick, Numbers(0UL), [kick], limit.Token);
            await channel.DoAsync(VhostUserRequest.SetVringEnable, Numbers(0u, 1u), [], limit.Token);
            new LinuxKernel().Write(kick, Numbers(1UL));

            var ring = new byte[4];
            await Eventually.TrueAsync(
                () =>
                {
                    memory.Read(used, ring);
                    return ring[2] == 1;
                },
                () => "the back end has used nothing");
            var (read, result) = (new byte[Sector], new byte[1]);
            memory.Read(data, read);
            memory.Read(status, result);
            Assert.Equal(0, result[0]);
            Assert.Equal((await File.ReadAllBytesAsync(Image)).AsSpan(wanted * Sector, Sector).ToArray(), read);
            Assert.NotEqual(0, ProcessResources.Mappings(properties.Length > 0 ? "kvm-gmem" : "memory-backend-memfd", backEnd.Id));
        }
        finally
        {
            backEnd.Kill();
            await backEnd.WaitForExitAsync();
        }
    }

    /// <summary>struct virtq_desc.</summary>
    private static byte[] Descriptor(ulong address, uint length, ushort flags, ushort next) =>
        [.. Numbers(address), .. Numbers(length), (byte)flags, 0, (byte)next, 0];

    private static byte[] Numbers(params object[] numbers)
    {
        var bytes = new List<byte>();
        foreach (var number in numbers)
            bytes.AddRange(number is ulong wide ? BitConverter.GetBytes(wide) : BitConverter.GetBytes((uint)number));
        return [.. bytes];
    }

    private static SafeFileHandle EventFd()
    {
        var fd = LibC.eventfd(0, LibC.EFD_CLOEXEC);
        Assert.True(fd >= 0);
        return new SafeFileHandle(fd, ownsHandle: true);
    }

    private static Task AddAsync(QmpClient client, string id, string properties) => client.ExchangeAsync(
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": 2097152{{{properties}}}} }""", Done);

    private static async Task<JsonElement> LoanAsync(QmpClient client, string memdev)
    {
        var reply = await client.AskAsync($$$"""{"execute": "query-memory-loans", "arguments": {"memdev": "{{{memdev}}}"} }""");
        return reply.GetProperty("return")[0];
    }
}
