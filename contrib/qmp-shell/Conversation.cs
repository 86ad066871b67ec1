using System.Net.Sockets;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Completion;
using Hostmemd.QmpShell.Editing;
using Hostmemd.QmpShell.Input;
using Hostmemd.QmpShell.Native;
using Hostmemd.QmpShell.Output;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell;

/// <summary>One connection from the greeting to the end: what is typed or given goes in, what comes is printed.</summary>
internal sealed class Conversation(ShellOptions options)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly bool _isInteractive = !options.IsScript && Terminal.Is(0);
    private Shell? _shell;

    /// <summary>Ctrl-C at a prompt: the line or the wait is given up, the shell goes on.</summary>
    /// <returns>false: nobody is there to go on with.</returns>
    public bool TryInterrupt()
    {
        if (!_isInteractive || _shell is not { } shell)
            return false;
        shell.Interrupt();
        return true;
    }

    /// <returns>Whether all that was asked for was done.</returns>
    /// <exception cref="Wrap.ServerException">The server cannot be reached, or was lost.</exception>
    /// <exception cref="TimeoutException">It took longer than the command line allows.</exception>
    public async Task<bool> RunAsync(Func<CancellationToken, Task<Socket>> connect, CancellationToken cancellationToken)
    {
        var awaited = new AwaitedEvents(options.AwaitedEvents);
        using MessageLog? log = options.LogFile is null ? null : new MessageLog(options.LogFile);
        using ShellOutput output = ShellOutput.Open();
        var format = new MessageFormat(options.Pretty && !options.Json, readable: !options.Json && Terminal.Is(1));
        ShellSession session = await GreetAsync(connect, Print, log, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            if (!options.IsScript && !options.Json)
                output.WriteLine(Banner.Welcome(session.Greeting, options.Hmp));
            using var shell = new Shell(session, options, output, format) { IsInteractive = _isInteractive };
            _shell = shell;
            using TextReader? input = Input();
            using LineEditor? editor = _isInteractive && !options.Json && Terminal.CanMove(StandardStream.Output) ? Editor(session, shell, output) : null;
            bool succeeded = await shell.RunAsync(editor ?? Lines(input, output), cancellationToken).ConfigureAwait(false);
            foreach (var (text, seen) in succeeded || options.KeepGoing ? awaited.Each : [])
                await shell.AwaitAsync(seen, $"event {text}", cancellationToken).ConfigureAwait(false);
            return _isInteractive || succeeded;
        }

        void Print(JsonObject message)
        {
            output.WriteLine(format.Text(message));
            awaited.See(message);
        }
    }

    /// <summary>Connects, and says what it waits for where the server takes its time: QEMU serves one client a socket.</summary>
    private async Task<ShellSession> GreetAsync(
        Func<CancellationToken, Task<Socket>> connect, Action<JsonObject> print, MessageLog? log, CancellationToken cancellationToken)
    {
        var connection = new ServerConnection(await connect(cancellationToken).ConfigureAwait(false));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Timeout > Patience ? Timeout.InfiniteTimeSpan : options.Timeout);
        Task<ShellSession> greeting = ShellSession.ConnectAsync(connection, !options.SkipNegotiation, print, log, limit.Token);
        try
        {
            if (await Task.WhenAny(greeting, Task.Delay(Patience, limit.Token)).ConfigureAwait(false) != greeting && !limit.IsCancellationRequested)
                StandardStream.Complain("qmp-shell: no greeting yet; perhaps another client has this socket");
            // From here on: a machine that stood still has not used it up before this was said.
            if (options.Timeout > Patience)
                limit.CancelAfter(options.Timeout - Patience);
            return await greeting.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no greeting within {options.Timeout.TotalSeconds} s");
        }
    }

    private StreamReader? Input()
    {
        if (options.Commands.Count > 0 || (options.IsScript && options.ScriptFile is null))
            return null;
        if (options.ScriptFile is { } path and not "-")
            return new StreamReader(path);
        return new StreamReader(new StandardStream(StandardStream.Input));
    }

    private LineEditor Editor(ShellSession session, Shell shell, ShellOutput output)
    {
        IKeyBindings bindings = options.ViKeys || InputSettings.WantViKeys() ? new ViKeys() : new EmacsKeys();
        var history = new History(History.PathFor(options.Socket ?? "wrap"));
        var keys = new StandardStream(StandardStream.Input);
        var completer = new Completer(session, options.Hmp, () => shell.IsInTransaction);
        // The schema takes its time to come; it comes while the first words are typed.
        _ = session.SchemaAsync();
        return new LineEditor(output, keys, bindings, history, completer.FindAsync);
    }

    private ILineSource Lines(TextReader? input, ShellOutput output) =>
        input is null
            ? new GivenLines(options.Commands)
            : new StreamLines(input, options.IsScript || options.Json ? null : output, _isInteractive);
}
