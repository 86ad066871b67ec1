using System.Text;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Kvm.Native;
using Hostmemd.Sessions;
using Microsoft.Win32.SafeHandles;
using Serilog.Core;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

/// <summary>add-fd, remove-fd and query-fdsets with real descriptors over a real socket, counted in this process, which has both ends.</summary>
public sealed class FdSetTests : IAsyncLifetime
{
    private const string AddToOne = """{"execute": "add-fd", "arguments": {"fdset-id": 1}}""";
    private const string Added = """{"return": {"fdset-id": 1, "fd": "$int"}}""";
    private const string Done = """{"return": {}}""";
    private const string NoneCame = """{"error": {"class": "GenericError", "desc": "No file descriptor supplied via SCM_RIGHTS"}}""";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hostmemd-fdsets-");
    private readonly LinuxKernel _kernel = new();
    private InProcessGuest _guest = null!;
    private QmpListener _listener = null!;

    private string SocketPath => Path.Combine(_directory.FullName, "qmp");

    private FdSets Sets => _guest.Guest.FdSets;

    /// <summary>Descriptors of the files that these tests hand over.</summary>
    private int Held => ProcessResources.Count(_directory.FullName + "/handed-over");

    public Task InitializeAsync() => StartAsync(_kernel);

    public async Task DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _guest.DisposeAsync();
        Assert.Equal(0, Held);
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task A_descriptor_on_the_bytes_of_the_command_goes_into_a_new_set()
    {
        await using var client = await ConnectAsync();

        Send(client, """{"execute": "add-fd"}""" + "\n", "a");
        await client.ExpectAsync("""{"return": {"fdset-id": 0, "fd": "$int"}}""");

        Assert.Equal(1, Held);
        await client.ExchangeAsync("""{"execute": "query-fdsets"}""", """{"return": [{"fdset-id": 0, "fds": [{"fd": "$int"}]}]}""");
        await client.ExchangeAsync("""{"execute": "remove-fd", "arguments": {"fdset-id": 0}}""", Done);
        Assert.Equal(0, Held);
        await client.ExchangeAsync("""{"execute": "query-fdsets"}""", """{"return": []}""");
    }

    [Theory]
    [InlineData(" ")]
    [InlineData("\n")]
    public async Task A_descriptor_on_a_byte_before_the_command_goes_into_the_set(string before)
    {
        await using var client = await ConnectAsync();

        Send(client, before, "a");
        await client.ExchangeAsync(AddToOne, Added);

        Assert.Equal(1, Held);
        await client.ExchangeAsync(AddToOne, NoneCame);
    }

    [Fact]
    public async Task What_came_with_a_refused_command_is_not_taken_for_that_of_the_next()
    {
        await using var client = await ConnectAsync();
        Send(client, """{"execute": "add-fd", "arguments": {"fdset-id": "1"}}""" + "\n", "a");
        await client.ExpectAsync("""{"error": {"class": "GenericError", "desc": "Invalid parameter type for 'fdset-id', expected: integer"}}""");
        Assert.Equal(1, Held);

        Send(client, AddToOne + "\n", "b");
        await client.ExpectAsync(Added);

        Assert.Equal([PathOf("b")], Paths());
        await client.ExchangeAsync(AddToOne, NoneCame);
    }

    [Fact]
    public async Task Of_descriptors_that_came_one_by_one_before_the_command_the_last_is_taken()
    {
        await using var client = await ConnectAsync();
        Send(client, " ", "a");
        await client.ExchangeAsync("""{"execute": "query-name"}""", Done);
        Send(client, " ", "b");
        await client.ExchangeAsync(AddToOne, Added);

        Assert.Equal([PathOf("b")], Paths());
        await client.ExchangeAsync(AddToOne, NoneCame);
    }

    [Fact]
    public async Task Commands_that_are_sent_ahead_each_take_their_own()
    {
        await using var client = await ConnectAsync();
        string[] files = ["a", "b", "c", "d", "e"];
        foreach (var file in files)
            Send(client, AddToOne + "\n", file);
        foreach (var file in files)
        {
            var number = (await client.ReceiveAsync()).GetProperty("return").GetProperty("fd").GetInt32();
            Assert.Equal(PathOf(file), new FileInfo($"/proc/self/fd/{number}").LinkTarget);
        }
    }

    [Fact]
    public async Task The_number_in_the_reply_is_that_of_the_descriptor()
    {
        await using var client = await ConnectAsync();
        Send(client, AddToOne + "\n", "a");

        var number = (await client.ReceiveAsync()).GetProperty("return").GetProperty("fd").GetInt32();

        Assert.Equal(PathOf("a"), new FileInfo($"/proc/self/fd/{number}").LinkTarget);
    }

    [Fact]
    public async Task Sets_are_listed_from_the_highest_and_their_descriptors_as_they_came()
    {
        await using var client = await ConnectAsync();
        await AddAsync(client, """{"fdset-id": 5, "opaque": "one"}""", "a");
        await AddAsync(client, """{"fdset-id": 5, "opaque": ""}""", "b");
        await AddAsync(client, """{"fdset-id": 5}""", "c");
        await AddAsync(client, """{"fdset-id": 9223372036854775807}""", "d");
        await AddAsync(client, "{}", "e");

        await client.ExchangeAsync("""{"execute": "query-fdsets"}""", """
            {"return": [{"fdset-id": 9223372036854775807, "fds": [{"fd": "$int"}]},
              {"fdset-id": 5, "fds": [{"fd": "$int", "opaque": "one"}, {"fd": "$int", "opaque": ""}, {"fd": "$int"}]},
              {"fdset-id": 0, "fds": [{"fd": "$int"}]}]}
            """);
    }

    [Fact]
    public async Task One_descriptor_of_a_set_is_removed_and_with_the_last_the_set()
    {
        await using var client = await ConnectAsync();
        var first = await AddAsync(client, """{"fdset-id": 5}""", "a");
        var second = await AddAsync(client, """{"fdset-id": 5}""", "b");

        await client.ExchangeAsync(Remove(5, first), Done);
        Assert.Equal(1, Held);
        await client.ExchangeAsync("""{"execute": "query-fdsets"}""", """{"return": [{"fdset-id": 5, "fds": [{"fd": "$int"}]}]}""");
        await client.ExchangeAsync(Remove(5, first), NotFound($"fdset-id:5, fd:{first}"));

        await client.ExchangeAsync(Remove(5, second), Done);
        Assert.Equal(0, Held);
        await client.ExchangeAsync(Remove(5, second), NotFound($"fdset-id:5, fd:{second}"));
        await client.ExchangeAsync("""{"execute": "remove-fd", "arguments": {"fdset-id": 5}}""", NotFound("fdset-id:5"));
    }

    [Theory]
    [InlineData("""{"fdset-id": 77}""", "File descriptor named 'fdset-id:77' not found")]
    [InlineData("""{"fdset-id": -3, "fd": -1}""", "File descriptor named 'fdset-id:-3, fd:-1' not found")]
    [InlineData("""{"fd": 3}""", "Parameter 'fdset-id' is missing")]
    [InlineData("""{"fdset-id": "5"}""", "Invalid parameter type for 'fdset-id', expected: integer")]
    [InlineData("""{"fdset-id": 5, "fd": "x"}""", "Invalid parameter type for 'fd', expected: integer")]
    [InlineData("""{"fdset-id": 5, "foo": 1}""", "Parameter 'foo' is unexpected")]
    public async Task What_cannot_be_removed_is_refused_as_in_QEMU(string arguments, string description)
    {
        await using var client = await ConnectAsync();
        await client.ExchangeAsync(
            $$"""{"execute": "remove-fd", "arguments": {{arguments}} }""", $$$"""{"error": {"class": "GenericError", "desc": "{{{description}}}"}}""");
    }

    [Fact]
    public async Task A_negative_set_is_refused_and_its_descriptor_closed_but_first_there_must_be_one()
    {
        const string request = """{"execute": "add-fd", "arguments": {"fdset-id": -1}}""";
        await using var client = await ConnectAsync();

        await client.ExchangeAsync(request, NoneCame);
        Send(client, request + "\n", "a");
        await client.ExpectAsync("""{"error": {"class": "GenericError", "desc": "Parameter 'fdset-id' expects a non-negative value"}}""");

        Assert.Equal(0, Held);
    }

    [Fact]
    public async Task What_is_in_a_set_stays_when_the_client_leaves_and_what_is_unclaimed_is_closed()
    {
        await using (var client = await ConnectAsync())
        {
            await AddAsync(client, """{"fdset-id": 1}""", "a");
            Send(client, " ", "b");
            await client.ExchangeAsync("""{"execute": "query-name"}""", Done);
            Assert.Equal(2, Held);
        }

        await Eventually.TrueAsync(() => Held == 1, () => $"{Held} descriptors are open");
        await using var other = await ConnectAsync();
        await other.ExchangeAsync("""{"execute": "remove-fd", "arguments": {"fdset-id": 1}}""", Done);
        Assert.Equal(0, Held);
    }

    [Fact]
    public async Task Clients_can_leave_half_of_the_limit_of_open_files_in_sets_and_by_name_together()
    {
        await StopAsync();
        await StartAsync(new FailingKernel(_kernel) { OpenFiles = new ResourceLimit(4, 4) });
        await using var client = await ConnectAsync();
        await AddAsync(client, """{"fdset-id": 1}""", "a");
        Send(client, """{"execute": "getfd", "arguments": {"fdname": "ram"}}""" + "\n", "b");
        await client.ExpectAsync(Done);
        const string full = """
            {"error": {"class": "GenericError", "desc": "clients have left 2 file descriptors here, half of the limit of open files (4); use 'remove-fd' or 'closefd'"}}
            """;

        Send(client, AddToOne + "\n", "c");
        await client.ExpectAsync(full);
        Send(client, """{"execute": "getfd", "arguments": {"fdname": "more"}}""" + "\n", "c");
        await client.ExpectAsync(full);

        Assert.Equal(2, Held);
        await client.ExchangeAsync("""{"execute": "closefd", "arguments": {"fdname": "ram"}}""", Done);
        await AddAsync(client, """{"fdset-id": 1}""", "c");
    }

    [Fact]
    public async Task Opening_a_set_gives_the_newest_descriptor_of_that_access_mode()
    {
        await using var client = await ConnectAsync();
        await AddAsync(client, """{"fdset-id": 1}""", "a");
        await AddAsync(client, """{"fdset-id": 1}""", "b");
        await AddAsync(client, """{"fdset-id": 1}""", "c", FileAccess.Read);
        await AddAsync(client, """{"fdset-id": 1}""", "d", FileAccess.Write);

        using (var writable = Sets.Open(_kernel, 1, writable: true))
        using (var readable = Sets.Open(_kernel, 1, writable: false))
        {
            Assert.Equal((PathOf("b"), PathOf("c")), (_kernel.ReadLink(writable), _kernel.ReadLink(readable)));
            // Octal: O_CLOEXEC.
            var info = await File.ReadAllTextAsync($"/proc/self/fdinfo/{writable.DangerousGetHandle()}");
            Assert.Contains("flags:\t02", info, StringComparison.Ordinal);

            // A duplicate: what happens to the set does not concern it.
            await client.ExchangeAsync("""{"execute": "remove-fd", "arguments": {"fdset-id": 1}}""", Done);
            Assert.Equal(2, Held);
            Assert.Equal(PathOf("b"), _kernel.ReadLink(writable));
        }
    }

    [Fact]
    public async Task Opening_a_set_that_is_not_there_or_has_no_such_descriptor_fails_as_open_does()
    {
        await using var client = await ConnectAsync();
        await AddAsync(client, """{"fdset-id": 1}""", "a", FileAccess.Read);
        await AddAsync(client, """{"fdset-id": 2}""", "b");

        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => Sets.Open(_kernel, 9, writable: true)).Errno);
        Assert.Equal(Errno.EACCES, Assert.Throws<KernelException>(() => Sets.Open(_kernel, 1, writable: true)).Errno);
        // As in QEMU: what can also be written is not opened for reading alone.
        Assert.Equal(Errno.EACCES, Assert.Throws<KernelException>(() => Sets.Open(_kernel, 2, writable: false)).Errno);
    }

    [Theory]
    [InlineData("/dev/fdset/0", 0L)]
    [InlineData("/dev/fdset/9223372036854775807", long.MaxValue)]
    [InlineData("/dev/fdset/01", 1L)]
    [InlineData("/dev/fdset/", null)]
    [InlineData("/dev/fdset/x", null)]
    [InlineData("/dev/fdset/-1", null)]
    [InlineData("/dev/fdset/1x", null)]
    [InlineData("/dev/fdset/9223372036854775808", null)]
    [InlineData("dev/fdset/1", null)]
    public void A_path_stands_for_a_set_where_digits_follow(string path, long? id) =>
        Assert.Equal(id, FdSetPath.TryParse(path, out var parsed) ? parsed : null);

    private static string Remove(long set, int fd) => $$$"""{"execute": "remove-fd", "arguments": {"fdset-id": {{{set}}}, "fd": {{{fd}}}}}""";

    private static string NotFound(string name) => $$$"""{"error": {"class": "GenericError", "desc": "File descriptor named '{{{name}}}' not found"}}""";

    private async Task StartAsync(IKernel kernel)
    {
        _guest = await InProcessGuest.StartAsync(kernel, "-accel none");
        _listener = QmpListener.Start(ListeningSocket.Bind(new ListenOptions(SocketPath), _kernel), _guest.Guest, CommandList.Create(), Logger.None);
    }

    private async Task StopAsync()
    {
        await _listener.DisposeAsync();
        await _guest.DisposeAsync();
    }

    private async Task<QmpClient> ConnectAsync() => await (await QmpClient.ConnectAsync(SocketPath)).NegotiateAsync();

    /// <summary>What the sets hold.</summary>
    private IEnumerable<string?> Paths() => Sets.List().SelectMany(set => set.Fds).Select(fd => new FileInfo($"/proc/self/fd/{fd.Fd}").LinkTarget);

    private string PathOf(string file) => Path.Combine(_directory.FullName, "handed-over-" + file);

    /// <summary>Sends a descriptor with add-fd.</summary>
    /// <returns>Its number there.</returns>
    private async Task<int> AddAsync(QmpClient client, string arguments, string file, FileAccess access = FileAccess.ReadWrite)
    {
        Send(client, $$"""{"execute": "add-fd", "arguments": {{arguments}} }""" + "\n", file, access);
        return (await client.ReceiveAsync()).GetProperty("return").GetProperty("fd").GetInt32();
    }

    /// <summary>Sends text with a descriptor of a file, and keeps none.</summary>
    private void Send(QmpClient client, string text, string file, FileAccess access = FileAccess.ReadWrite)
    {
        File.WriteAllText(PathOf(file), "");
        using SafeFileHandle descriptor = File.OpenHandle(PathOf(file), FileMode.Open, access, FileShare.ReadWrite);
        var bytes = Encoding.UTF8.GetBytes(text);
        Assert.Equal(bytes.Length, SocketMessages.Send(client.Socket!.SafeHandle, bytes, [(int)descriptor.DangerousGetHandle()]));
    }
}
