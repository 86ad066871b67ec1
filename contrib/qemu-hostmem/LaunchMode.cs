using System.Globalization;
using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QemuHostmem;

/// <summary>
/// This program once more, for a moment, before it goes on as QEMU: it binds the child's life to ours, and where memory is to be handed to
/// the child it listens for it, so that the daemon sees QEMU as the one at the other end.
/// </summary>
internal static class LaunchMode
{
    private const string Name = "--launch";
    private const string Nothing = "-";
    private const int Failed = 127;
    private const int Kill = 9;

    public static bool IsMeant(IReadOnlyList<string> arguments) => arguments.Count > 4 && arguments[0] == Name;

    /// <param name="listenAt">Where to listen; null: nowhere.</param>
    /// <param name="channel">Takes the listening socket.</param>
    public static SpawnOptions Describe(IReadOnlyList<string> command, string? listenAt, FileDescriptorNumber? channel, IReadOnlyList<System.Runtime.InteropServices.SafeHandle> descriptors)
    {
        var own = Environment.ProcessPath!;
        List<string> self = Path.GetFileName(own) == "dotnet" ? [own, Path.Combine(AppContext.BaseDirectory, "qemu-hostmem.dll")] : [own];
        return new SpawnOptions
        {
            Program = own,
            Arguments =
            [
                .. self, Name, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), listenAt ?? Nothing,
                channel?.Number.ToString(CultureInfo.InvariantCulture) ?? Nothing, .. command,
            ],
            Environment = ProgramStart.Variables(),
            Descriptors = descriptors,
            Extra = channel?.Handle,
            Inherits = true,
        };
    }

    /// <summary>Becomes the program.</summary>
    /// <returns>The exit status where that fails.</returns>
    public static int Run(IReadOnlyList<string> arguments, IKernel kernel)
    {
        var program = arguments[4];
        try
        {
            kernel.DieWithParent(Kill);
            if (kernel.Getppid() != int.Parse(arguments[1], CultureInfo.InvariantCulture))
                return Failed;
            if (arguments[2] != Nothing)
                Listen(arguments[2], int.Parse(arguments[3], CultureInfo.InvariantCulture));
            kernel.Execute(ProgramStart.Find(program), [.. arguments.Skip(4)], ProgramStart.Variables());
        }
        catch (Exception e) when (e is KernelException or SocketException or FormatException)
        {
            Console.Error.WriteLine($"qemu-hostmem: cannot run {program}: {(e is KernelException kernelError ? Errno.Text(kernelError.Errno) : e.Message)}");
        }
        return Failed;
    }

    private static void Listen(string path, int channel)
    {
        // Neither is disposed: the program that follows closes what it does not get, and the name must stay.
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen(1);
        using var handle = new SafeFileHandle(channel, ownsHandle: true);
        SocketMessages.Send(handle, "1"u8, socket.SafeHandle);
    }
}
