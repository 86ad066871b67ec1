using System.Net.Sockets;

namespace Hostmemd.Kvm.Tests;

/// <summary>Two Unix sockets that are connected to each other.</summary>
internal sealed class SocketPair : IDisposable
{
    public SocketPair()
    {
        var path = Path.Combine(Path.GetTempPath(), $"hostmemd-{Guid.NewGuid():N}");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        One.Connect(new UnixDomainSocketEndPoint(path));
        Two = listener.Accept();
        File.Delete(path);
    }

    public Socket One { get; } = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public Socket Two { get; }

    public void Dispose()
    {
        One.Dispose();
        Two.Dispose();
    }
}
