using System.Diagnostics;
using System.Net.Sockets;

namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>Takes the replies to requests from a QEMU.</summary>
internal static class QemuRecorder
{
    /// <summary>The version that is the reference.</summary>
    private const string Reference = """{"major": 11, "micro": 3, "minor": 1}""";

    private static readonly string[] Options = ["-machine", "none", "-nodefaults", "-display", "none"];

    /// <summary>Runs the groups in order on one session of one QEMU.</summary>
    /// <param name="program">The program, and words before it, as "qemu-system-x86_64".</param>
    /// <exception cref="InvalidDataException">It is another version, or it ended or fell silent: the message names the request.</exception>
    public static async Task<List<RecordedRequest>> RecordAsync(string program, IEnumerable<IReadOnlyList<string>> groups)
    {
        using var scratch = new ScratchFolder();
        var socket = scratch.Path + ".qmp";
        string[] words = [.. program.Split(' '), .. Options, "-qmp", $"unix:{socket},server=on,wait=off"];
        using var qemu = Process.Start(words[0], words[1..]);
        try
        {
            await using var client = await ConnectAsync(socket);
            var recorded = new List<RecordedRequest>();
            var replay = new RequestReplay(client, scratch);
            foreach (var (index, group) in groups.Index())
            {
                var replies = await replay.RunAsync(group);
                recorded.AddRange(group.Zip(replies, (request, reply) => new RecordedRequest(recorded.Count + 1, index, request, reply)));
            }
            return recorded;
        }
        finally
        {
            qemu.Kill();
            await qemu.WaitForExitAsync();
            File.Delete(socket);
        }
    }

    private static async Task<QmpClient> ConnectAsync(string socket)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await CheckAsync(await (await QmpClient.ConnectAsync(socket)).NegotiateAsync());
            }
            catch (SocketException) when (patience.Elapsed < QmpClient.Patience)
            {
                await Task.Delay(20);
            }
        }
    }

    private static async Task<QmpClient> CheckAsync(QmpClient client)
    {
        var version = (await client.AskAsync("""{"execute": "query-version"}""")).GetProperty("return").GetProperty("qemu");
        using var reference = System.Text.Json.JsonDocument.Parse(Reference);
        return System.Text.Json.JsonElement.DeepEquals(version, reference.RootElement)
            ? client
            : throw new InvalidDataException($"this QEMU is {version.GetRawText()}");
    }
}
