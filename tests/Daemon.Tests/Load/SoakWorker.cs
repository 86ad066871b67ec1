using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Hostmemd.Daemon.Tests.Generated;
using Hostmemd.Kvm.Native;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>
/// One client after another that do what clients do, in an order that a seed decides, and end in the middle of it. Errors are answers like
/// others here (an object may be there from a life before); a lost connection or a missing answer is not.
/// </summary>
internal sealed class SoakWorker(string socket, int number, ulong seed)
{
    private const int IdCount = 6;

    private static readonly byte[] MegabyteOfId =
        LoadClient.Line("""{"execute": "query-name", "id": " """.TrimEnd() + new string('y', 1 << 20) + "\"}");

    private readonly SplitMix _random = new(seed ^ ((ulong)number << 32));
    private readonly LinuxKernel _kernel = new();

    public int Lives { get; private set; }

    public int Actions { get; private set; }

    /// <summary>Requests that remove all that a worker may have left; most of them fail, as there is nothing of that name.</summary>
    public static IEnumerable<string> Removal(int number) =>
    [
        .. Enumerable.Range(0, IdCount).SelectMany(i => (string[])
        [
            Request("device_del", ("id", "dimm-" + Id(number, i))), Request("object-del", ("id", Id(number, i))),
        ]),
        Request("closefd", ("fdname", FdName(number))),
    ];

    public void Run(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            Live(stop);
            Lives++;
        }
    }

    private void Live(CancellationToken stop)
    {
        using var client = new LoadClient(socket);
        if (_random.Chance(5))
            return;
        client.Negotiate();
        for (var left = _random.Below(60); left > 0 && !stop.IsCancellationRequested; left--, Actions++)
            Act(client);
        Die(client);
    }

    private void Act(LoadClient client)
    {
        switch (_random.Below(14))
        {
            case 0 or 1 or 2: Ask(client, Add()); break;
            case 3 or 4: Ask(client, Request("object-del", ("id", Id()))); break;
            case 5: Ask(client, Request("device_add", ("driver", "pc-dimm"), ("id", "dimm-" + Id()), ("memdev", Id()))); break;
            case 6: Ask(client, Request("device_del", ("id", "dimm-" + Id()))); break;
            case 7: Ask(client, Request("qom-get", ("path", Id()), ("property", _random.Pick(["size", "share", "prealloc", "type", "none"])))); break;
            case 8:
                var property = _random.Pick(["merge", "dump", "size"]);
                Ask(client, $$$"""{"execute": "qom-set", "arguments": {"path": "{{{Id()}}}", "property": "{{{property}}}", "value": true}}""");
                break;
            case 9: Ask(client, $$"""{"execute": "{{_random.Pick(Queries)}}"}"""); break;
            case 10: client.Ask(LoadClient.Line(_random.Chance(50) ? """{"execute": "stop"}""" : """{"execute": "cont"}""")); break;
            case 11:
                Ask(client, """
                    {"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_ADDED", "MEMORY_SLOT_ADDED", "EVENTS_LOST"]}}
                    """);
                break;
            case 12: SendDescriptor(client); break;
            default: Misbehave(client); break;
        }
    }

    /// <summary>Things that are answered, if at all, in ways that do not matter; one good request afterwards shows that the session lives.</summary>
    private void Misbehave(LoadClient client)
    {
        switch (_random.Below(4))
        {
            case 0: Ask(client, """{"execute": "query-nothing", "arguments": {"a": [1, {"b": null}]}}"""); break;
            case 1: client.Ask(MegabyteOfId); break;
            case 2: client.Ask(LoadClient.Line("""{"execute": [}"""), 1); break;
            default:
                var batch = Enumerable.Repeat(LoadClient.QueryStatus, 32).SelectMany(bytes => bytes).ToArray();
                client.Ask(batch, 32);
                break;
        }
        // Whatever was wrong before, 0xFF ends it: the lexer begins anew.
        client.Send([0xFF, (byte)'\n']);
        var last = "\"return\": {}, \"id\": " + Actions.ToString(CultureInfo.InvariantCulture);
        client.Send(LoadClient.Line($$"""{"execute": "query-name", "id": {{Actions}}}"""));
        client.ReceiveUntilText(last);
    }

    private void SendDescriptor(LoadClient client)
    {
        using var file = _kernel.MemfdCreate("soak", MemfdFlags.None);
        var request = LoadClient.Line(_random.Chance(70)
            ? Request("getfd", ("fdname", FdName(number)))
            : """{"execute": "query-fdsets"}""");
        var sent = Math.Max(0, SocketMessages.Send(client.Socket.SafeHandle, request, file));
        client.Ask(request.AsSpan(sent));
    }

    private void Die(LoadClient client)
    {
        switch (_random.Below(6))
        {
            case 0: break;
            case 1: client.Socket.Shutdown(SocketShutdown.Send); break;
            case 2: client.Send(Encoding.ASCII.GetBytes(Add()).AsSpan(0, 20)); break;
            case 3: client.Send(LoadClient.Line(Add())); break;
            case 4: client.Send(MegabyteOfId.AsSpan(0, _random.Below(200_000))); break;
            default:
                // In the middle of replies: some are read, most are not.
                for (var i = 0; i < 8; i++)
                    client.Send(LoadClient.Line("""{"execute": "query-qmp-schema"}"""));
                client.Receive();
                break;
        }
    }

    private static readonly string[] Queries =
    [
        "query-status", "query-memdev", "query-memory-devices", "query-memory-slots", "query-memory-usage", "query-memory-size-summary",
        "query-fdsets", "query-commands", "query-version", "query-iothreads",
    ];

    private string Add()
    {
        var size = (1 << _random.Below(8)) * 64 * 1024;
        var prealloc = _random.Chance(20) ? "true" : "false";
        var (kind, more) = _random.Pick<(string, string)>(
        [
            ("memory-backend-memfd", ""), ("memory-backend-memfd", ", \"seal\": false"), ("memory-backend-ram", ", \"share\": true"),
            ("memory-backend-ram", ""), ("memory-backend-shm", ""),
        ]);
        return $$$"""
            {"execute": "object-add", "arguments":
                {"qom-type": "{{{kind}}}", "id": "{{{Id()}}}", "size": {{{size}}}, "prealloc": {{{prealloc}}} {{{more}}} } }
            """;
    }

    private string Id() => Id(number, _random.Below(IdCount));

    private static string Id(int number, int i) => Invariant($"soak-{number}-{i}");

    private static string FdName(int number) => Invariant($"soak-{number}");

    private static void Ask(LoadClient client, string request) => client.Ask(LoadClient.Line(request));

    private static string Request(string command, params (string Name, string Value)[] arguments)
    {
        var members = string.Join(", ", arguments.Select(one => $"\"{one.Name}\": \"{one.Value}\""));
        return $$$"""{"execute": "{{{command}}}", "arguments": { {{{members}}} } }""";
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
