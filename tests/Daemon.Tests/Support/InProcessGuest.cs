using System.Text.RegularExpressions;
using Hostmemd.Commands;
using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Guests;
using Hostmemd.Keeping;
using Hostmemd.Populate;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Session;
using Hostmemd.Sessions;
using Hostmemd.Startup;
using Nerdbank.Streams;
using Serilog;
using Serilog.Core;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>A guest in this process, with clients over pipes: everything of the daemon but sockets, command line and process.</summary>
internal sealed class InProcessGuest : IAsyncDisposable
{
    /// <summary>q35 with no RAM of its own and room for three DIMMs.</summary>
    public const string Dimms = "-machine q35 -m 0,slots=3,maxmem=1G";

    private readonly List<QmpClient> _clients = [];
    private readonly List<(QmpSession Session, Task Served)> _sessions = [];
    private readonly Logger _log;

    private InProcessGuest(Guest guest, CollectingSink sink, Logger log) => (Guest, Sink, _log) = (guest, sink, log);

    public Guest Guest { get; }

    public CollectingSink Sink { get; }

    /// <param name="kernel">The real one or the fake.</param>
    /// <param name="arguments">As on the command line; KVM unless it says -accel none.</param>
    /// <param name="clock">The guest's; the sessions' is the system's.</param>
    /// <param name="keep">Where to keep what outlives it.</param>
    /// <param name="host">What the host says of its huge pages and control groups; this one's when left out.</param>
    public static async Task<InProcessGuest> StartAsync(IKernel kernel, string arguments = Dimms, HostFiles? host = null, TimeProvider? clock = null, KeepOptions? keep = null)
    {
        var options = OptionParser.Parse(arguments.Split(' '));
        var guestOptions = new GuestOptions
        {
            Machine = MachineChoice.Make(options),
            UseKvm = !options.Accelerators.Contains("none"),
            DirtyRingSize = options.DirtyRingSize,
            KvmPresent = true,
            Autostart = !options.StartPaused,
            Host = host ?? HostFiles.ThisHost,
            Keep = keep,
            PopulateProgram = new HelperProgram(DaemonFixture.Program, []),
        };
        var sink = new CollectingSink();
        var log = new LoggerConfiguration().WriteTo.Sink(sink).CreateLogger();
        return new InProcessGuest(await Guest.StartAsync(guestOptions, kernel, clock ?? TimeProvider.System, log), sink, log);
    }

    /// <summary>A client that has negotiated.</summary>
    /// <param name="commands">Other commands than the daemon's.</param>
    public async Task<QmpClient> ConnectAsync(bool readOnly = false, CommandTable<Client>? commands = null, bool enableOob = false)
    {
        var (near, far) = FullDuplexStream.CreatePipePair();
        var session = new QmpSession(far, readOnly, count => Events.Lost(count, TimeProvider.System));
        Guest.Attach(session);
        var server = new QmpServer<Client>(session, commands ?? CommandList.Create(), new Client(Guest, session, () => null));
        _sessions.Add((session, server.ServeAsync(Greeting.Format(ControlCommands.Version))));
        var client = new QmpClient(near.AsStream());
        _clients.Add(client);
        return await client.NegotiateAsync(enableOob);
    }

    /// <summary>How many descriptors and mappings the process has differs from moment to moment: tests count those that matter themselves.</summary>
    private static string WithoutUsage(string slots) => Regex.Replace(slots, @", ""(descriptors|mappings)-used"": \d+", "");

    /// <summary>All that queries show, for a comparison of before and after.</summary>
    public static async Task<string> ObserveAsync(QmpClient client) => string.Join(
        "\n",
        await client.QueryAsync("query-memdev"),
        await client.QueryAsync("query-memory-devices"),
        WithoutUsage(await client.QueryAsync("query-memory-slots")),
        await client.QueryAsync("query-memory-size-summary"),
        (await client.AskAsync("""{"execute": "qom-list", "arguments": {"path": "/objects"}}""")).GetRawText(),
        (await client.AskAsync("""{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}""")).GetRawText());

    public async ValueTask DisposeAsync()
    {
        foreach (var (session, served) in _sessions)
        {
            Guest.Detach(session);
            session.Dispose();
            await served;
        }
        foreach (var client in _clients)
            await client.DisposeAsync();
        await Guest.DisposeAsync();
        await _log.DisposeAsync();
    }
}
