using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QemuHostmem;

/// <summary>
/// Starts QEMU as the target of a CPR transfer from a source that never ran: a second QEMU of the same machine. Of the descriptors that the
/// source hands over, those of the lent backends are exchanged for the daemon's on the way. The source ends; the target goes on as the guest.
/// </summary>
internal sealed class CprStart(IKernel kernel, Children children, HostmemOptions options, IReadOnlyList<ChosenBackend> backends, QmpClient daemon)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);

    private readonly string _program = ProgramStart.Find(options.Command[0]);

    /// <summary>The target, once its guest may run.</summary>
    /// <exception cref="HostmemException">It did not come to that; nothing of it is left.</exception>
    public async Task<Child> RunAsync(CancellationToken cancellation)
    {
        using var directory = new ScratchDirectory();
        Child? target = null, source = null;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            var (ours, theirs) = kernel.Socketpair();
            using var channel = ours;
            using (theirs)
                target = await children.StartAsync(LaunchMode.Describe(TargetCommand(directory), directory.At("lend"), new(theirs), [])).ConfigureAwait(false);
            source = await StartSourceAsync(directory).ConfigureAwait(false);
            var handing = HandOverAsync(directory, channel, over.Token);
            var first = await Task.WhenAny(handing, target.Ended, EndedBadlyAsync(source, handing)).ConfigureAwait(false);
            if (first != handing)
                throw await DescribeEndAsync(directory, target, source, handing).ConfigureAwait(false);
            await handing.ConfigureAwait(false);
            return target;
        }
        catch (Exception e)
        {
            await over.CancelAsync().ConfigureAwait(false);
            if (target is not null)
                await target.EndAsync().ConfigureAwait(false);
            throw e is QmpException or QmpConnectionException or SocketException or KernelException or IOException or OperationCanceledException
                ? new HostmemException(e.Message)
                : e;
        }
        finally
        {
            if (source is not null)
                await source.EndAsync().ConfigureAwait(false);
        }
    }

    private List<string> TargetCommand(ScratchDirectory directory) =>
    [
        _program, .. options.Command.Skip(1), .. QemuArguments.Objects(backends), .. QemuArguments.SharedRam(options.Command),
        "-machine", "aux-ram-share=on",
        "-qmp", $"unix:{directory.At("target")},server=on,wait=off",
        "-incoming", $"unix:{directory.At("main")}",
        "-incoming", Channel("cpr", directory.At("cpr")).ToString(),
    ];

    private async Task<Child> StartSourceAsync(ScratchDirectory directory)
    {
        using var nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite);
        using var log = File.OpenHandle(directory.At("source.log"), FileMode.CreateNew, FileAccess.Write);
        List<string> command = SourceArguments.Make(options.Command, backends, directory.At("source"));
        command[0] = _program;
        command.AddRange(QemuArguments.SharedRam(options.Command));
        return await children.StartAsync(LaunchMode.Describe(command, null, null, [nothing, log, log])).ConfigureAwait(false);
    }

    private async Task HandOverAsync(ScratchDirectory directory, SafeFileHandle channel, CancellationToken cancellation)
    {
        using var feed = Listen(directory.At("feed"));
        var source = await ConnectAsync(directory.At("source"), cancellation).ConfigureAwait(false);
        await using var sourceEnds = source.ConfigureAwait(false);
        await source.ExecuteAsync("migrate-set-parameters", Members(("mode", new JsonString("cpr-transfer"))), cancellationToken: cancellation).ConfigureAwait(false);
        var channels = new JsonArray([Channel("main", directory.At("main")), Channel("cpr", directory.At("feed"))]);
        var migrating = source.ExecuteAsync("migrate", Members(("channels", channels)), cancellationToken: cancellation);
        // The source waits with its answer until it has handed its list over.
        var accepting = feed.AcceptAsync(cancellation).AsTask();
        if (await Task.WhenAny(accepting, migrating).ConfigureAwait(false) == migrating)
            await migrating.ConfigureAwait(false);
        using var from = await accepting.ConfigureAwait(false);
        using (var list = await CprList.ReadAsync(from, cancellation).ConfigureAwait(false))
            await ExchangeAsync(directory, channel, list, cancellation).ConfigureAwait(false);
        from.Close();
        await migrating.ConfigureAwait(false);
        var target = await ConnectAsync(directory.At("target"), cancellation).ConfigureAwait(false);
        await using var targetEnds = target.ConfigureAwait(false);
        await UntilAsync(target, "query-status", status => status != "inmigrate", cancellation).ConfigureAwait(false);
        if (!QemuArguments.StartsPaused(options.Command))
            await target.ExecuteAsync("cont", cancellationToken: cancellation).ConfigureAwait(false);
    }

    /// <summary>Gets the lent descriptors from the daemon, puts them into the source's list and gives that to the target.</summary>
    private async Task ExchangeAsync(ScratchDirectory directory, SafeFileHandle channel, CprList list, CancellationToken cancellation)
    {
        using var lending = await TakeListenerAsync(channel, cancellation).ConfigureAwait(false);
        List<JsonString> memdevs = [.. backends.Where(backend => backend.IsByCpr).Select(backend => new JsonString(backend.Id))];
        var asked = daemon.ExecuteAsync(
            "memory-lend",
            Members(("method", new JsonString("cpr")), ("memdevs", new JsonArray([.. memdevs])), ("path", new JsonString(directory.At("lend")))),
            cancellationToken: cancellation);
        var accepting = lending.AcceptAsync(cancellation).AsTask();
        if (await Task.WhenAny(accepting, asked).ConfigureAwait(false) == asked)
            await asked.ConfigureAwait(false);
        using (var from = await accepting.ConfigureAwait(false))
        using (var lent = await CprList.ReadAsync(from, cancellation).ConfigureAwait(false))
        {
            foreach (var (name, _, descriptor) in lent.Entries)
                Copy(list.Entries.Find(entry => entry.Name == name).Descriptor, descriptor);
            using var to = await ConnectSocketAsync(directory.At("cpr"), cancellation).ConfigureAwait(false);
            await list.SendAsync(to, lent, cancellation).ConfigureAwait(false);
            // It closes when it has taken all of them; then the daemon is told by the same.
            while (await to.ReceiveAsync(new byte[1], cancellation).ConfigureAwait(false) > 0)
            {
            }
        }
        await asked.ConfigureAwait(false);
    }

    /// <summary>What QEMU itself puts into RAM before the guest runs, as a loaded file; mostly nothing.</summary>
    private void Copy(SafeFileHandle? from, SafeFileHandle to)
    {
        if (from is null || kernel.Fstat(from) is not { Blocks: > 0 } status)
            return;
        using var memory = MappedMemory.Create(kernel, new MappingOptions { Size = status.Size, File = to, Shared = true });
        var buffer = new byte[1 << 20];
        for (ulong at = 0; at < status.Size;)
        {
            var count = kernel.Pread(from, buffer, at);
            if (count == 0)
                return;
            if (buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
                memory.Write(at, buffer.AsSpan(0, count));
            at += (ulong)count;
        }
    }

    /// <summary>The socket on which the target-to-be listens: the daemon sees its process at the other end.</summary>
    private static async Task<Socket> TakeListenerAsync(SafeFileHandle channel, CancellationToken cancellation)
    {
        var descriptors = new List<SafeFileHandle>();
        while (descriptors.Count == 0)
        {
            var message = Kvm.Native.SocketMessages.Receive(channel, new byte[1], descriptors);
            if (message.WouldBlock)
                await Task.Delay(Poll, cancellation).ConfigureAwait(false);
            else if (message.Bytes == 0)
                throw new HostmemException("QEMU could not be started");
        }
        var socket = new Socket(new SafeSocketHandle(descriptors[0].DangerousGetHandle(), ownsHandle: true));
        descriptors[0].SetHandleAsInvalid();
        return socket;
    }

    private static Socket Listen(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen(1);
        return socket;
    }

    private static async Task<QmpClient> ConnectAsync(string path, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await DaemonClient.ConnectAsync(path, cancellation).ConfigureAwait(false);
            }
            catch (HostmemException)
            {
                // QEMU does not listen yet; if it never does, it ends, and that is seen elsewhere.
                await Task.Delay(Poll, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static async Task<Socket> ConnectSocketAsync(string path, CancellationToken cancellation)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
                return socket;
            }
            catch (SocketException)
            {
                socket.Dispose();
                await Task.Delay(Poll, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static async Task UntilAsync(QmpClient client, string query, Func<string, bool> isThere, CancellationToken cancellation)
    {
        while (true)
        {
            var answer = (JsonObject)await client.ExecuteAsync(query, cancellationToken: cancellation).ConfigureAwait(false);
            if (answer["status"] is JsonString { Value: var status } && isThere(status))
                return;
            await Task.Delay(Poll, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Completes when the source has ended before it was done with.</summary>
    private static async Task EndedBadlyAsync(Child source, Task handing)
    {
        await source.Ended.ConfigureAwait(false);
        // It ends by itself only where it failed.
        await Task.WhenAny(handing, Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false);
    }

    private static async Task<HostmemException> DescribeEndAsync(ScratchDirectory directory, Child target, Child source, Task handing)
    {
        if (handing is { IsFaulted: true, Exception.InnerException: HostmemException known })
            return known;
        if (target.Ended.IsCompletedSuccessfully)
            return new HostmemException($"QEMU ended with status {Child.StatusOf(await target.Ended.ConfigureAwait(false))} before its guest ran");
        var log = await File.ReadAllTextAsync(directory.At("source.log")).ConfigureAwait(false);
        var end = await source.Ended.ConfigureAwait(false);
        return new HostmemException($"QEMU with nothing behind its devices ended with status {Child.StatusOf(end)}: {log.Trim()}");
    }

    private static JsonObject Channel(string type, string path) => Members(
        ("channel-type", new JsonString(type)),
        ("addr", Members(("transport", new JsonString("socket")), ("type", new JsonString("unix")), ("path", new JsonString(path)))));

    private static JsonObject Members(params (string Name, JsonValue Value)[] members) =>
        new(members.Select(member => KeyValuePair.Create(member.Name, member.Value)));
}
