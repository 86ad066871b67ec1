using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Hostmemd.Startup;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Lending;

/// <summary>
/// This program as the holder: a process of the user who may open the memory, which does nothing but to have it open. What a file without a
/// name is reached by is /proc/PID/fd/N, and there only processes of the same user and group get through.
/// </summary>
internal static class LendHolderMode
{
    public const string Name = "-lend-holder";

    /// <summary>A message: what to do, and a number.</summary>
    public const int MessageSize = 1 + sizeof(int);

    public const byte Keep = (byte)'k';
    public const byte Release = (byte)'r';

    public static bool IsMeant(string[] arguments) => arguments.Length == 3 && arguments[0] == Name;

    /// <summary>Serves the daemon at its standard input until that ends.</summary>
    /// <returns>The exit status.</returns>
    public static int Run(string[] arguments)
    {
        var kernel = new LinuxKernel();
        ProcessName.Set(kernel, ProcessName.LendHolder);
        using var socket = new Socket(new SafeSocketHandle(0, ownsHandle: true));
        try
        {
            kernel.BecomeUser(uint.Parse(arguments[1], CultureInfo.InvariantCulture), uint.Parse(arguments[2], CultureInfo.InvariantCulture));
            Answer(socket, 0);
            Serve(socket);
            return 0;
        }
        catch (KernelException e)
        {
            Answer(socket, -e.Errno);
            return 1;
        }
        catch (SocketException)
        {
            return 1;
        }
    }

    private static void Serve(Socket socket)
    {
        var kept = new Dictionary<int, SafeFileHandle>();
        var message = new byte[MessageSize];
        while (socket.Poll(-1, SelectMode.SelectRead))
        {
            var descriptors = new List<SafeFileHandle>();
            var received = SocketMessages.Receive(socket.SafeHandle, message, descriptors);
            if (received.WouldBlock)
                continue;
            if (received.Bytes < MessageSize)
                return;
            if (message[0] == Keep && descriptors is [var file])
            {
                var number = (int)file.DangerousGetHandle();
                kept.Add(number, file);
                Answer(socket, number);
            }
            else if (kept.Remove(BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(1)), out var released))
            {
                released.Dispose();
            }
        }
    }

    private static void Answer(Socket socket, int number)
    {
        var answer = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(answer, number);
        socket.Send(answer);
    }
}
