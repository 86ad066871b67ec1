using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.QmpShell.Native;
using Hostmemd.QmpShell.Session;
using Hostmemd.QmpShell.Transcript;
using Hostmemd.QmpShell.Wrap;

namespace Hostmemd.QmpShell;

internal static class Program
{
    private const int Failed = 1;
    private const int Misused = 2;
    private const int Interrupted = 130;

    private static readonly string[] DefaultMachine = ["-M", "q35,accel=kvm", "-m", "256M,maxmem=4G,slots=8", "-S"];

    private static async Task<int> Main(string[] arguments)
    {
        Conversation? conversation = null;
        // Ctrl-C ends the wrapped server, too: nothing of it stays behind.
        using var stopping = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            if (signal.Signal != PosixSignal.SIGINT || conversation?.TryInterrupt() != true)
                stopping.Cancel();
        }

        try
        {
            bool isWrapper = Path.GetFileName(Environment.GetCommandLineArgs()[0]) == "qmp-shell-wrap";
            ShellOptions options = ShellOptions.Parse(
                isWrapper ? ShellOptions.FromWrapper(arguments) : arguments, Environment.GetEnvironmentVariable(ShellOptions.SocketVariable));
            if (options.Help)
            {
                Console.WriteLine(ShellOptions.Usage);
                return 0;
            }

            conversation = new Conversation(options);
            return await RunAsync(options, conversation, stopping.Token).ConfigureAwait(false) ? 0 : Failed;
        }
        catch (FormatException e)
        {
            StandardStream.Complain($"qmp-shell: {e.Message}\n\n{ShellOptions.Usage}");
            return Misused;
        }
        catch (Exception e) when (e is TranscriptMismatch or TranscriptFormatException or ServerException or KernelException
            or QmpException or IOException or UnauthorizedAccessException or TimeoutException)
        {
            StandardStream.Complain($"qmp-shell: {e.Message}");
            return Failed;
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
    }

    private static async Task<bool> RunAsync(ShellOptions options, Conversation conversation, CancellationToken cancellationToken)
    {
        TranscriptFile? transcript = options.Play is { } path ? TranscriptFile.Load(path) : null;
        using var directory = new ScratchDirectory();
        if (!options.Wrap)
        {
            ServerAddress address = ServerAddress.Parse(options.Socket!);
            return await TalkAsync(address.ConnectAsync).ConfigureAwait(false);
        }

        IReadOnlyList<string> machine = transcript?.Machine is null
            ? DefaultMachine
            : TranscriptMachine.Arguments(transcript, directory.Path);
        string[] command = options.Server is [_, ..] ? [.. options.Server] : [DaemonProgram.Find(), .. machine];
        ServerProcess server = ServerProcess.Start(command[0], command[1..], directory);
        await using (server.ConfigureAwait(false))
            return await TalkAsync(server.ConnectAsync).ConfigureAwait(false);

        async Task<bool> TalkAsync(Func<CancellationToken, Task<System.Net.Sockets.Socket>> connect)
        {
            if (transcript is null)
                return await conversation.RunAsync(connect, cancellationToken).ConfigureAwait(false);
            var session = new TranscriptSession { Connect = connect, Directory = directory.Path, Observer = Console.WriteLine };
            if (options.Timeout > TimeSpan.Zero)
                session = session with { StepTimeout = options.Timeout };
            await TranscriptPlayer.PlayAsync(transcript, session, cancellationToken).ConfigureAwait(false);
            return true;
        }
    }
}
