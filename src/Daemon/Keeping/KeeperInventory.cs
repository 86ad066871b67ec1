using System.Net.Sockets;
using System.Text;
using Hostmemd.Kvm;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>What a keeper tells first whoever connects: its number, and all that it has (<see cref="KeeperMode"/>).</summary>
internal static class KeeperInventory
{
    /// <summary>Takes all of it.</summary>
    /// <param name="here">Names of what this process has already: of that no second descriptor is taken, for which there might be no room.</param>
    /// <returns>The keeper's process, and descriptors that are the caller's.</returns>
    /// <exception cref="KernelException">EMFILE, or the connection broke.</exception>
    /// <exception cref="IOException">The keeper has ended.</exception>
    public static async Task<(int Pid, Dictionary<string, SafeFileHandle> Kept)> TakeAsync(
        Socket socket, IReadOnlyCollection<string> here, CancellationToken cancellation)
    {
        var kept = new Dictionary<string, SafeFileHandle>();
        try
        {
            var hello = new byte[KeeperWire.HelloSize];
            await ReadAsync(socket, hello, [], cancellation).ConfigureAwait(false);
            var (pid, count) = KeeperWire.ReadHello(hello);
            while (count-- > 0)
            {
                var (name, file) = await TakeNextAsync(socket, cancellation).ConfigureAwait(false);
                if (here.Contains(name))
                    file.Dispose();
                else
                    kept[name] = file;
            }
            return (pid, kept);
        }
        catch
        {
            foreach (var file in kept.Values)
                file.Dispose();
            throw;
        }
    }

    private static async Task<(string Name, SafeFileHandle File)> TakeNextAsync(Socket socket, CancellationToken cancellation)
    {
        var descriptors = new List<SafeFileHandle>();
        var head = new byte[KeeperWire.HeadSize];
        await ReadAsync(socket, head, descriptors, cancellation).ConfigureAwait(false);
        var name = new byte[KeeperWire.NameLength(head)];
        await ReadAsync(socket, name, descriptors, cancellation).ConfigureAwait(false);
        return descriptors is [var file] ? (Encoding.UTF8.GetString(name), file) : throw new IOException("a descriptor is missing");
    }

    private static async Task ReadAsync(Socket socket, byte[] piece, List<SafeFileHandle> descriptors, CancellationToken cancellation)
    {
        for (var have = 0; have < piece.Length;)
        {
            switch (KeeperWire.Receive(socket.SafeHandle, piece, ref have, descriptors))
            {
                case null:
                    await socket.ReceiveAsync(Memory<byte>.Empty, cancellation).ConfigureAwait(false);
                    break;
                case false:
                    throw new IOException("the keeper has ended");
            }
        }
    }
}
