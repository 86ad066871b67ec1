using System.Text;
using Hostmemd.Kvm;
using Hostmemd.Populate;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Startup;

/// <summary>
/// -daemonize: the program that was started starts itself once more and waits for that one's word: that it listens, or why it does not.
/// A runtime with threads cannot fork.
/// </summary>
/// <remarks>The daemon has no standard streams of whoever started it, nor has any process that it starts: they end with the first program.</remarks>
internal sealed class ParentChannel : IDisposable
{
    /// <summary>First of the daemon's arguments, before the number of its descriptor. For the program's own use.</summary>
    public const string Option = "-daemon-channel";

    private const byte ReadyWord = 0;

    private readonly IKernel _kernel;
    private readonly SafeFileHandle _socket;

    /// <param name="descriptor">The daemon's end.</param>
    public ParentChannel(int descriptor, IKernel kernel)
    {
        _kernel = kernel;
        // A duplicate closes on exec, what was inherited does not.
        using var inherited = new SafeFileHandle(descriptor, ownsHandle: true);
        _socket = kernel.Duplicate(inherited);
    }

    /// <summary>Starts the daemon and waits until it is ready. On the first thread, which may wait.</summary>
    /// <param name="arguments">All that this program was started with.</param>
    /// <returns>The exit status.</returns>
    /// <exception cref="OptionException">It does not serve, and why.</exception>
    public static int StartDaemon(DaemonOptions options, IReadOnlyList<string> arguments, IKernel kernel)
    {
        if (Start(arguments, kernel) is { } failure)
            throw new OptionException(failure);
        // The daemon itself has no output any more.
        if (options.Listen.Count == 0)
            Console.Out.WriteLine(DefaultSocket.Options.Path);
        return 0;
    }

    /// <summary>The arguments of a daemon for whoever starts it again: nobody is to go into the background then, and no program waits.</summary>
    public static string[] WithoutParent(string[] arguments) =>
        [.. arguments.Skip(arguments.FirstOrDefault() == Option ? 2 : 0).Where(argument => argument is not ("-daemonize" or "--daemonize"))];

    /// <summary>The daemon serves: the program that waits ends with status 0.</summary>
    public void Ready() => Send([ReadyWord]);

    /// <summary>The daemon ends: the program that waits says why and ends with status 1.</summary>
    public void Fail(string reason) => Send(Encoding.UTF8.GetBytes(reason));

    public void Dispose() => _socket.Dispose();

    private static string? Start(IReadOnlyList<string> arguments, IKernel kernel)
    {
        var program = HelperProgram.Find();
        var path = File.Exists(Environment.ProcessPath) && program.Arguments.Count == 0 ? Environment.ProcessPath : program.Path;
        var (ours, theirs) = kernel.Socketpair();
        using var channel = ours;
        ProcessFd daemon;
        using (theirs)
        using (var nothing = kernel.Open("/dev/null", OpenFlags.ReadWrite, 0))
            daemon = kernel.Spawn(new SpawnOptions
            {
                Program = path,
                Arguments = program.CommandLine(path, [Option, $"{theirs.DangerousGetHandle()}", .. arguments]),
                Environment = ProgramStart.Variables(),
                Descriptors = [nothing, nothing, nothing],
                // What was handed over for it: -chardev socket,fd=N.
                Inherits = true,
                NewSession = true,
                Extra = theirs,
            });
        using (daemon)
            return Receive(channel, kernel);
    }

    private static string? Receive(SafeFileHandle channel, IKernel kernel)
    {
        using var text = new MemoryStream();
        var buffer = new byte[4096];
        try
        {
            for (int count; (count = kernel.Read(channel, buffer)) > 0;)
            {
                if (buffer[0] == ReadyWord)
                    return null;
                text.Write(buffer, 0, count);
            }
        }
        catch (KernelException)
        {
            // ECONNRESET: an end as well.
        }
        return text.Length > 0 ? Encoding.UTF8.GetString(text.ToArray()) : "-daemonize: the daemon ended before it was ready";
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _kernel.Write(_socket, bytes);
        }
        catch (KernelException)
        {
            // Whoever waited is gone: there is nobody to be told.
        }
        _socket.Dispose();
    }
}
