using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Session;
using Hostmemd.Sessions;
using Nerdbank.Streams;
using Serilog.Core;

namespace Hostmemd.Benchmarks;

/// <summary>A guest in this process: everything of the daemon but its process.</summary>
internal sealed class BenchmarkGuest : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hostmemd-");
    private readonly Guest _guest;
    private QmpListener? _listener;
    private QmpSession? _session;
    private Task _served = Task.CompletedTask;

    private BenchmarkGuest(Guest guest) => _guest = guest;

    public static async Task<BenchmarkGuest> StartAsync() =>
        new(await Guest.StartAsync(GuestOptions.None, new LinuxKernel(), TimeProvider.System, Logger.None).ConfigureAwait(false));

    /// <summary>A session over a pair of pipes.</summary>
    /// <returns>The client's end.</returns>
    public Stream ConnectInProcess()
    {
        var (near, far) = FullDuplexStream.CreatePipePair();
        _session = new QmpSession(far, readOnly: false, count => Events.Lost(count, TimeProvider.System));
        _guest.Attach(_session);
        var server = new QmpServer<Client>(_session, CommandList.Create(), new Client(_guest, _session, () => null));
        _served = server.ServeAsync(Greeting.Format(ControlCommands.Version));
        return near.AsStream();
    }

    /// <summary>Listens on a Unix socket.</summary>
    /// <returns>Its path.</returns>
    public string Listen()
    {
        var path = Path.Combine(_directory.FullName, "qmp");
        _listener = QmpListener.Start(ListeningSocket.Bind(new ListenOptions(path), _guest.Kernel), _guest, CommandList.Create(), Logger.None);
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        if (_listener is not null)
            await _listener.DisposeAsync().ConfigureAwait(false);
        if (_session is not null)
        {
            _guest.Detach(_session);
            _session.Dispose();
            await _served.ConfigureAwait(false);
        }
        await _guest.DisposeAsync().ConfigureAwait(false);
        _directory.Delete(recursive: true);
    }
}
