using System.Net.Sockets;
using System.Text;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Startup;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>
/// This program as the keeper: has descriptors open for a daemon, one daemon after the other, and gives all of them to each that comes. No
/// VM, no mapping, no client. It ends when it is told to, and when a daemon is gone and there is nothing to keep. Told to, it starts the
/// next daemon itself.
/// </summary>
internal static class KeeperMode
{
    /// <summary>First of its arguments. For the daemon's own use.</summary>
    public const string Option = "-keeper";

    public static bool IsMeant(string[] arguments) => arguments.Length > 0 && arguments[0] == Option;

    /// <summary>Serves at the listening socket that is its standard input.</summary>
    /// <returns>The exit status.</returns>
    public static int Run(string[] arguments)
    {
        if (arguments.Length != 1)
            throw new OptionException($"{Option}: for the daemon's own use, use -keep process");
        using var listening = new Socket(new SafeSocketHandle(0, ownsHandle: true));
        var kept = new Dictionary<string, SafeFileHandle>();
        try
        {
            var kernel = new LinuxKernel();
            ProcessName.Set(kernel, ProcessName.Keeper);
            var table = new DescriptorTable(kernel);
            using var successors = new SuccessorStart(kernel, listening);
            bool goesOn;
            do
            {
                using var daemon = successors.Accept();
                HandOver(daemon, kept);
                goesOn = Serve(daemon, kept, table, successors);
            }
            // Without its socket nobody would ever find it.
            while (goesOn && kept.Count > 0 && File.Exists(((UnixDomainSocketEndPoint)listening.LocalEndPoint!).ToString()));
            return 0;
        }
        catch (Exception e) when (e is KernelException or SocketException)
        {
            // The daemon sees that this process has ended, and starts another.
            return 1;
        }
    }

    private static void HandOver(Socket daemon, Dictionary<string, SafeFileHandle> kept)
    {
        try
        {
            daemon.Send(KeeperWire.Hello(Environment.ProcessId, kept.Count));
            foreach (var (name, file) in kept)
                while (!KeeperWire.TrySend(daemon.SafeHandle, KeeperWire.Keep, name, file))
                    daemon.Poll(-1, SelectMode.SelectWrite);
        }
        catch (Exception e) when (e is KernelException { Errno: Errno.EPIPE or Errno.ECONNRESET } or SocketException)
        {
            // Reading finds the end.
        }
    }

    /// <returns>false: told to quit.</returns>
    private static bool Serve(Socket daemon, Dictionary<string, SafeFileHandle> kept, DescriptorTable table, SuccessorStart successors)
    {
        var head = new byte[KeeperWire.HeadSize];
        while (true)
        {
            var descriptors = new List<SafeFileHandle>();
            if (!ReadWhole(daemon, head, descriptors))
                return true;
            var name = new byte[KeeperWire.NameLength(head)];
            if (!ReadWhole(daemon, name, descriptors))
                return true;
            switch (head[0])
            {
                case KeeperWire.Keep when descriptors is [var file]:
                    Take(kept, Encoding.UTF8.GetString(name))?.Dispose();
                    kept.Add(Encoding.UTF8.GetString(name), file);
                    table.KeepAhead((ulong)kept.Count);
                    break;
                case KeeperWire.Release:
                    Take(kept, Encoding.UTF8.GetString(name))?.Dispose();
                    Answer(daemon);
                    break;
                case KeeperWire.Restart:
                    successors.Set(Encoding.UTF8.GetString(name), descriptors);
                    break;
                default:
                    return false;
            }
        }
    }

    private static SafeFileHandle? Take(Dictionary<string, SafeFileHandle> kept, string name) => kept.Remove(name, out var file) ? file : null;

    private static void Answer(Socket daemon)
    {
        try
        {
            daemon.Send([0]);
        }
        catch (SocketException)
        {
            // Reading finds the end.
        }
    }

    /// <returns>false: the daemon is gone.</returns>
    private static bool ReadWhole(Socket daemon, byte[] piece, List<SafeFileHandle> descriptors)
    {
        for (var have = 0; have < piece.Length;)
        {
            try
            {
                daemon.Poll(-1, SelectMode.SelectRead);
                if (KeeperWire.Receive(daemon.SafeHandle, piece, ref have, descriptors) == false)
                    return false;
            }
            catch (KernelException e) when (e.Errno == Errno.ECONNRESET)
            {
                return false;
            }
        }
        return true;
    }
}
