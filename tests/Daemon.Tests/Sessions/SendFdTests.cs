using System.Text;
using System.Text.Json;
using Hostmemd.Commands;
using Hostmemd.Sessions;
using Serilog.Core;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

/// <summary>memory-backend-send-fd over a real socket; this process has both ends, so what leaks at either is counted.</summary>
public sealed class SendFdTests : IAsyncLifetime
{
    private const string Marker = "/memfd:memory-backend-memfd";
    private const ulong Size = 2 << 20;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hostmemd-");
    private readonly LinuxKernel _kernel = new();
    private InProcessGuest _guest = null!;
    private QmpListener _listener = null!;

    private string SocketPath => Path.Combine(_directory.FullName, "qmp");

    public Task InitializeAsync() => StartAsync("-accel none");

    public async Task DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _guest.DisposeAsync();
        Assert.Equal(0, ProcessResources.Count(Marker));
        Assert.Equal(0, ProcessResources.Count("kvm-gmem"));
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task What_is_written_through_the_descriptor_is_in_the_backend()
    {
        await using var client = await ConnectAsync();
        await AddAsync(client, "memory-backend-memfd", "ram");

        var (reply, descriptors) = await client.RequestDescriptorAsync("ram");

        using var file = Assert.Single(descriptors);
        AssertJson(
            """
            {"return": {"memdev": "/objects/ram", "fd-type": "memfd", "offset": 0, "size": 2097152, "page-size": 4096, "share": true,
              "seals": ["seal", "shrink", "grow"], "mappable": true, "reopenable": true} }
            """, reply);
        using var mapped = MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = file, Shared = true });
        mapped.Write(4096, "from the other side"u8);
        var seen = new byte[19];
        var backend = _guest.Guest.State.Backends["ram"].Backend;
        Assert.False(backend.Memory.IsMapped, "what is only lent is not mapped here");
        backend.WhileHeld(() => backend.Memory.Read(4096, seen));
        Assert.Equal("from the other side", Encoding.ASCII.GetString(seen));
    }

    [Fact]
    public async Task The_memory_lives_as_long_as_the_descriptor()
    {
        await using var client = await ConnectAsync();
        await AddAsync(client, "memory-backend-memfd", "ram", ", \"seal\": false");
        _guest.Guest.State.Backends["ram"].Backend.Memory.Write(0, "kept"u8);
        var (reply, descriptors) = await client.RequestDescriptorAsync("/objects/ram");
        using var file = Assert.Single(descriptors);
        // A memfd made without seals has the one that keeps it so.
        Assert.Equal("""["seal"]""", reply.GetProperty("return").GetProperty("seals").GetRawText());

        var refused = await client.AskAsync("""{"execute": "object-del", "arguments": {"id": "ram"}}""");
        Assert.Contains($"(pid {Environment.ProcessId})", refused.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
        await client.ExchangeAsync("""{"execute": "memory-backend-forget", "arguments": {"memdev": "ram"}}""", """{"return": {}}""");

        var seen = new byte[4];
        _kernel.Pread(file, seen, 0);
        Assert.Equal("kept", Encoding.ASCII.GetString(seen));
    }

    [Fact]
    public async Task Shared_memory_without_a_name_is_a_memfd_too()
    {
        await using var client = await ConnectAsync();
        await AddAsync(client, "memory-backend-ram", "ram", ", \"share\": true");

        var (reply, descriptors) = await client.RequestDescriptorAsync("ram");

        Assert.Single(descriptors).Dispose();
        Assert.Equal("memfd", reply.GetProperty("return").GetProperty("fd-type").GetString());
    }

    [KvmFact]
    public async Task A_guest_memfd_can_be_mapped_but_must_not_be_reopened()
    {
        await _listener.DisposeAsync();
        await _guest.DisposeAsync();
        await StartAsync("-machine none");
        await using var client = await ConnectAsync();
        await AddAsync(client, "memory-backend-memfd", "ram", ", \"guest-memfd\": true");

        var (reply, descriptors) = await client.RequestDescriptorAsync("ram");

        using var file = Assert.Single(descriptors);
        AssertJson(
            """
            {"return": {"memdev": "/objects/ram", "fd-type": "guest-memfd", "offset": 0, "size": 2097152, "page-size": 4096, "share": true,
              "seals": [], "mappable": true, "reopenable": false} }
            """, reply);
        using var mapped = MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = file, Shared = true });
        mapped.Write(Size - 1, "x"u8);
        var seen = new byte[1];
        var backend = _guest.Guest.State.Backends["ram"].Backend;
        backend.WhileHeld(() => backend.Memory.Read(Size - 1, seen));
        Assert.Equal("x"u8, seen);
    }

    [Fact]
    public async Task Each_descriptor_comes_with_the_first_byte_of_its_own_reply()
    {
        await using var client = await ConnectAsync();
        await AddAsync(client, "memory-backend-memfd", "a");
        await AddAsync(client, "memory-backend-memfd", "b", ", \"seal\": false");
        await client.SendAsync(
            """{"execute": "query-name", "id": 0}""" + SendFd("a") + """{"execute": "query-name", "id": 1}""" + SendFd("b") + SendFd("a")
            + """{"execute": "query-name", "id": 2}""");

        var text = new StringBuilder();
        var places = new List<int>();
        while (!text.ToString().EndsWith("\"id\": 2}\r\n", StringComparison.Ordinal))
        {
            // Byte by byte: nothing of another reply is received with it.
            var (bytes, descriptors) = await client.ReceiveWithDescriptorsAsync(1);
            foreach (var descriptor in descriptors)
            {
                places.Add(text.Length);
                descriptor.Dispose();
            }
            text.Append(bytes);
        }

        var expected = text.ToString().Split("\r\n").Aggregate(
            (At: 0, Found: new List<int>()),
            (seen, line) => (seen.At + line.Length + 2, line.Contains("memdev", StringComparison.Ordinal) ? [.. seen.Found, seen.At] : seen.Found)).Found;
        Assert.Equal(3, expected.Count);
        Assert.Equal(expected, places);
    }

    [Theory]
    [InlineData("private", "Memory backend 'private' is private anonymous memory and has no descriptor, use 'share=on'", "GenericError")]
    [InlineData("zzz", "Device 'zzz' not found", "DeviceNotFound")]
    [InlineData("/machine", "Invalid parameter type for 'memdev', expected: memory-backend", "GenericError")]
    public async Task What_has_no_descriptor_is_refused(string memdev, string text, string errorClass)
    {
        await using var client = await ConnectAsync();
        await AddAsync(client, "memory-backend-ram", "private");

        var (reply, descriptors) = await client.RequestDescriptorAsync(memdev);

        Assert.Empty(descriptors);
        AssertJson($$$"""{"error": {"class": "{{{errorClass}}}", "desc": "{{{text}}}"} }""", reply);
    }

    [Fact]
    public async Task Other_connections_than_sockets_are_refused()
    {
        var client = await _guest.ConnectAsync();
        await AddAsync(client, "memory-backend-memfd", "ram");

        await client.ExchangeAsync(
            SendFd("ram"),
            """{"error": {"class": "GenericError", "desc": "A descriptor can be sent over a Unix socket only, connect to one"}}""");
    }

    [Fact]
    public async Task A_read_only_socket_gives_none()
    {
        var path = Path.Combine(_directory.FullName, "watch");
        await using var listener = QmpListener.Start(
            ListeningSocket.Bind(new ListenOptions(path) { ReadOnly = true }, _kernel), _guest.Guest, CommandList.Create(), Logger.None);
        await using var client = await (await QmpClient.ConnectAsync(path)).NegotiateAsync();

        await client.ExchangeAsync(
            SendFd("ram"),
            """
            {"error": {"class": "GenericError",
              "desc": "The command memory-backend-send-fd is not allowed on this socket (readonly=on), use another one"} }
            """);
    }

    [Fact]
    public async Task A_reader_that_is_slow_gets_them_all_and_the_daemon_keeps_few()
    {
        const int Count = 600;
        await using var client = await StuckAsync(Count);

        var received = 0;
        var text = new StringBuilder();
        while (received < Count || !text.ToString().EndsWith("\r\n", StringComparison.Ordinal))
        {
            var (bytes, descriptors) = await client.ReceiveWithDescriptorsAsync(4096);
            received += descriptors.Count;
            descriptors.ForEach(descriptor => descriptor.Dispose());
            text.Append(bytes);
        }
        Assert.Equal(Count, received);
        Assert.Equal(Count, text.ToString().Split("\"return\"").Length - 1);
        await OneIsOpenAsync();
    }

    [Fact]
    public async Task What_waits_for_a_client_that_leaves_is_closed()
    {
        var client = await StuckAsync(600);

        await client.DisposeAsync();

        await OneIsOpenAsync();
    }

    /// <summary>The backend's own; a duplicate is closed once it has been sent.</summary>
    private static Task OneIsOpenAsync() => Eventually.TrueAsync(
        () => ProcessResources.Count(Marker) == 1, () => $"{ProcessResources.Count(Marker)} descriptors are still open");

    private static string SendFd(string memdev) => $$$"""{"execute": "memory-backend-send-fd", "arguments": {"memdev": "{{{memdev}}}"} }""";

    private static async Task AddAsync(QmpClient client, string type, string id, string more = "") => await client.ExchangeAsync(
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "{{{id}}}", "size": {{{Size}}}{{{more}}}} }""",
        """{"return": {}}""");

    private static void AssertJson(string expected, JsonElement got) =>
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(expected).RootElement, got), $"expected: {expected}\ngot: {got.GetRawText()}");

    /// <summary>A client that has asked for many and takes none; what the daemon has open is bounded and does not grow any more.</summary>
    private async Task<QmpClient> StuckAsync(int count)
    {
        var client = await ConnectAsync();
        await AddAsync(client, "memory-backend-memfd", "ram");
        for (var i = 0; i < count; i++)
            await client.SendAsync(SendFd("ram"));
        // The backend's own; then 16 that wait, when reading stops.
        await Eventually.TrueAsync(
            () => ProcessResources.Count(Marker) >= 1 + 16, () => $"only {ProcessResources.Count(Marker)} descriptors wait");
        Assert.InRange(ProcessResources.Count(Marker), 1, 1 + 16 + 1 + 9);
        return client;
    }

    private async Task<QmpClient> ConnectAsync() => await (await QmpClient.ConnectAsync(SocketPath)).NegotiateAsync();

    private async Task StartAsync(string arguments)
    {
        _guest = await InProcessGuest.StartAsync(_kernel, arguments);
        _listener = QmpListener.Start(ListeningSocket.Bind(new ListenOptions(SocketPath), _kernel), _guest.Guest, CommandList.Create(), Logger.None);
    }
}
