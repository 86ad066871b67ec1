using System.Text;
using Hostmemd.Commands;
using Hostmemd.Kvm.Native;
using Hostmemd.Sessions;
using Serilog.Core;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

/// <summary>getfd and closefd with real descriptors over a real socket, counted in this process, which has both ends.</summary>
public sealed class DescriptorTests : IAsyncLifetime
{
    private const string Marker = "/memfd:handed-over";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hostmemd-");
    private readonly LinuxKernel _kernel = new();
    private InProcessGuest _guest = null!;
    private QmpListener _listener = null!;

    private string SocketPath => Path.Combine(_directory.FullName, "qmp");

    /// <summary>Descriptors of the memfds that these tests hand over, the daemon's and in flight alike.</summary>
    private static int Held => ProcessResources.Count(Marker);

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
        _listener = QmpListener.Start(ListeningSocket.Bind(new ListenOptions(SocketPath), _kernel), _guest.Guest, CommandList.Create(), Logger.None);
    }

    public async Task DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _guest.DisposeAsync();
        Assert.Equal(0, Held);
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task A_descriptor_that_comes_with_the_command_is_named()
    {
        await using var client = await ConnectAsync();

        SendWithMemfds(client, """{"execute": "getfd", "arguments": {"fdname": "ram"}}""", 1);
        await client.ExpectAsync("""{"return": {}}""");

        Assert.Equal(1, Held);
        await client.ExchangeAsync("""{"execute": "closefd", "arguments": {"fdname": "ram"}}""", """{"return": {}}""");
        Assert.Equal(0, Held);
        await client.ExchangeAsync(
            """{"execute": "closefd", "arguments": {"fdname": "ram"}}""",
            """{"error": {"class": "GenericError", "desc": "File descriptor named 'ram' not found"}}""");
    }

    [Fact]
    public async Task A_descriptor_that_came_before_on_a_lone_space_is_taken_by_the_next_getfd()
    {
        await using var client = await ConnectAsync();

        SendWithMemfds(client, " ", 1);
        await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");
        await client.ExchangeAsync("""{"execute": "getfd", "arguments": {"fdname": "ram"}}""", """{"return": {}}""");

        Assert.Equal(1, Held);
    }

    [Fact]
    public async Task Several_descriptors_are_taken_in_the_order_in_which_they_came()
    {
        await using var client = await ConnectAsync();
        SendWithMemfds(client, " ", 3);
        for (var i = 0; i < 3; i++)
        {
            await client.ExchangeAsync(
                $$$"""{"execute": "getfd", "arguments": {"fdname": "ram{{{i}}}"} }""", """{"return": {}}""");
        }

        await client.ExchangeAsync(
            """{"execute": "getfd", "arguments": {"fdname": "more"}}""",
            """{"error": {"class": "GenericError", "desc": "No file descriptor supplied via SCM_RIGHTS"}}""");
        await client.ExchangeAsync("""{"execute": "closefd", "arguments": {"fdname": "ram1"}}""", """{"return": {}}""");
        Assert.Equal(
            [$"{Marker}-0 (deleted)", $"{Marker}-2 (deleted)"],
            ProcessResources.Descriptors().Where(target => target.StartsWith(Marker, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_named_descriptor_stays_when_its_client_leaves_and_belongs_to_the_guest()
    {
        await using (var client = await ConnectAsync())
        {
            SendWithMemfds(client, """{"execute": "getfd", "arguments": {"fdname": "ram"}}""", 1);
            await client.ExpectAsync("""{"return": {}}""");
        }

        await using var other = await ConnectAsync();
        Assert.Equal(1, Held);
        await other.ExchangeAsync("""{"execute": "closefd", "arguments": {"fdname": "ram"}}""", """{"return": {}}""");
        Assert.Equal(0, Held);
    }

    [Fact]
    public async Task A_second_descriptor_of_the_same_name_replaces_the_first()
    {
        await using var client = await ConnectAsync();
        for (var i = 0; i < 2; i++)
        {
            SendWithMemfds(client, """{"execute": "getfd", "arguments": {"fdname": "ram"}}""", 1);
            await client.ExpectAsync("""{"return": {}}""");
        }

        Assert.Equal(1, Held);
    }

    [Fact]
    public async Task What_nobody_took_is_closed_with_the_client()
    {
        var client = await ConnectAsync();
        SendWithMemfds(client, " ", 5);
        await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");
        Assert.Equal(5, Held);

        await client.DisposeAsync();

        await Eventually.TrueAsync(() => Held == 0, () => $"{Held} descriptors are still open");
    }

    [Fact]
    public async Task Another_client_cannot_take_what_came_here()
    {
        await using var client = await ConnectAsync();
        await using var thief = await ConnectAsync();
        SendWithMemfds(client, " ", 1);
        await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");

        await thief.ExchangeAsync(
            """{"execute": "getfd", "arguments": {"fdname": "ram"}}""",
            """{"error": {"class": "GenericError", "desc": "No file descriptor supplied via SCM_RIGHTS"}}""");
        await client.ExchangeAsync("""{"execute": "getfd", "arguments": {"fdname": "ram"}}""", """{"return": {}}""");
    }

    [Fact]
    public async Task A_refused_name_closes_the_descriptor_and_the_session_works_on()
    {
        await using var client = await ConnectAsync();

        SendWithMemfds(client, """{"execute": "getfd", "arguments": {"fdname": "1ram"}}""", 1);
        await client.ExpectAsync(
            """{"error": {"class": "GenericError", "desc": "Parameter 'fdname' expects a name not starting with a digit"}}""");

        Assert.Equal(0, Held);
        await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");
    }

    [Fact]
    public async Task A_flood_of_descriptors_is_bounded_and_the_session_works_on()
    {
        await using var client = await ConnectAsync();
        for (var i = 0; i < 4; i++)
        {
            SendWithMemfds(client, " ", 100);
            await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {}}""");
        }

        Assert.InRange(Held, 1, SocketMessages.MaxDescriptors);
        await client.ExchangeAsync("""{"execute": "getfd", "arguments": {"fdname": "ram"}}""", """{"return": {}}""");
    }

    private async Task<QmpClient> ConnectAsync() => await (await QmpClient.ConnectAsync(SocketPath)).NegotiateAsync();

    /// <summary>Sends text with fresh memfds, and keeps none of them.</summary>
    private void SendWithMemfds(QmpClient client, string text, int count)
    {
        var files = Enumerable.Range(0, count).Select(i => _kernel.MemfdCreate($"handed-over-{i}", MemfdFlags.None)).ToList();
        var bytes = Encoding.UTF8.GetBytes(text == " " ? text : text + "\n");
        Assert.Equal(bytes.Length, SocketMessages.Send(client.Socket!.SafeHandle, bytes, [.. files.Select(file => (int)file.DangerousGetHandle())]));
        files.ForEach(file => file.Dispose());
    }
}
