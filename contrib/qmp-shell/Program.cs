using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hostmemd.Protocol.Errors;
using Hostmemd.QmpShell.Transcript;
using Hostmemd.QmpShell.Wrap;

namespace Hostmemd.QmpShell;

internal static class Program
{
    private const int Failed = 1;
    private const int Misused = 2;

    private static readonly string[] DefaultMachine = ["-M", "q35,accel=kvm", "-m", "256M,maxmem=4G,slots=8", "-S"];

    private static async Task<int> Main(string[] arguments)
    {
        // Ctrl-C ends the wrapped server, too: nothing of it stays behind.
        using var stopping = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }

        try
        {
            return await RunAsync(ShellOptions.Parse(arguments), stopping.Token).ConfigureAwait(false);
        }
        catch (FormatException e)
        {
            await Console.Error.WriteLineAsync($"qmp-shell: {e.Message}\n\n{ShellOptions.Usage}").ConfigureAwait(false);
            return Misused;
        }
        catch (Exception e) when (e is TranscriptMismatch or TranscriptFormatException or ServerException
            or QmpException or SocketException or IOException or TimeoutException)
        {
            await Console.Error.WriteLineAsync($"qmp-shell: {e.Message}").ConfigureAwait(false);
            return Failed;
        }
        catch (OperationCanceledException)
        {
            return Failed;
        }
    }

    private static async Task<int> RunAsync(ShellOptions options, CancellationToken cancellationToken)
    {
        if (options.Help)
        {
            Console.WriteLine(ShellOptions.Usage);
            return 0;
        }

        TranscriptFile? transcript = options.Play is { } path ? TranscriptFile.Load(path) : null;
        using var directory = new ScratchDirectory();
        if (!options.Wrap)
        {
            await TalkAsync(token => ConnectAsync(options.Socket!, token), transcript, directory, cancellationToken).ConfigureAwait(false);
            return 0;
        }

        IReadOnlyList<string> machine = transcript?.Machine is null
            ? DefaultMachine
            : TranscriptMachine.Arguments(transcript, directory.Path);
        string[] command = options.Server is [_, ..] ? [.. options.Server] : [DaemonProgram.Find(), .. machine];
        ServerProcess server = ServerProcess.Start(command[0], command[1..], directory);
        await using (server.ConfigureAwait(false))
            await TalkAsync(server.ConnectAsync, transcript, directory, cancellationToken).ConfigureAwait(false);
        return 0;
    }

    private static async Task<Socket> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await QmpSocket.ConnectAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            // .NET has no word of its own for ENOENT here.
            throw new ServerException($"cannot connect to {path}: {(File.Exists(path) ? e.Message : "no such socket")}", e);
        }
    }

    private static async Task TalkAsync(
        Func<CancellationToken, Task<Socket>> connect,
        TranscriptFile? transcript,
        ScratchDirectory directory,
        CancellationToken cancellationToken)
    {
        if (transcript is not null)
        {
            var session = new TranscriptSession { Connect = connect, Directory = directory.Path, Observer = Console.WriteLine };
            await TranscriptPlayer.PlayAsync(transcript, session, cancellationToken).ConfigureAwait(false);
            return;
        }

        using Socket socket = await connect(cancellationToken).ConfigureAwait(false);
        var stream = new NetworkStream(socket);
        await using (stream.ConfigureAwait(false))
        {
            // Console.In would hold this thread until a line comes.
            using var input = new StreamReader(Console.OpenStandardInput());
            using var lines = new LineMode(stream, input, Console.Out);
            await lines.RunAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
