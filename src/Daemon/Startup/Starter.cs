using Hostmemd.Guests;
using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>Whoever started the daemon: a person, a program that waits (-daemonize), a service manager. Each is told how it stands.</summary>
/// <param name="parent">The program that waits; null: none does.</param>
/// <param name="wantsPath">No option said where to listen, so a person is told.</param>
internal sealed class Starter(ParentChannel? parent, bool wantsPath) : IAsyncDisposable
{
    private readonly ServiceManager? _manager = ServiceManager.Find();

    /// <summary>Clients can connect.</summary>
    public void Ready(Guest guest, IReadOnlyList<ListeningSocket> sockets)
    {
        if (wantsPath)
            Console.Out.WriteLine(sockets[0].Options.Path);
        _manager?.Ready($"Listening on {string.Join(", ", sockets.Select(socket => socket.Options.Shown))}", guest);
        if (parent is null)
            return;
        // Nobody is to be kept from unmounting what it was started in.
        Directory.SetCurrentDirectory("/");
        parent.Ready();
    }

    /// <summary>It begins to end.</summary>
    public void Ending(string cause) => _manager?.Stopping($"Ending: {cause}");

    public ValueTask DisposeAsync() => _manager?.DisposeAsync() ?? ValueTask.CompletedTask;
}
