using Hostmemd.Kvm;
using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Help;
using Hostmemd.QmpShell.Input;
using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Native;
using Hostmemd.QmpShell.Output;
using Hostmemd.QmpShell.Schema;
using Hostmemd.QmpShell.Session;
using Hostmemd.QmpShell.Show;
using Hostmemd.QmpShell.Wrap;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QmpShell;

/// <summary>Carries out lines, one after another: the next one is read when the last one's answer is there.</summary>
internal sealed class Shell : IDisposable
{
    private static readonly TimeSpan QuitDeadline = TimeSpan.FromSeconds(5);

    private readonly ShellSession _session;
    private readonly ShellOptions _options;
    private readonly ShellOutput _output;
    private readonly MessageFormat _format;
    private readonly TransactionLines _transaction = new();
    private readonly List<SafeFileHandle> _received = [];
    private readonly string _prompt;
    private readonly HmpLines? _hmp;
    private readonly ShowCommand _show;
    private CancellationTokenSource? _wait;

    public Shell(ShellSession session, ShellOptions options, ShellOutput output, MessageFormat format)
    {
        (_session, _options, _output, _format) = (session, options, output, format);
        _prompt = Banner.Prompt(session.Greeting);
        _show = new ShowCommand(session, output, isTerminal: !options.Json && Terminal.CanMove(StandardStream.Output));
        _hmp = options.Hmp ? new HmpLines(session, output) : null;
    }

    /// <summary>Somebody sits at a terminal: a failure is told, and nothing ends by it.</summary>
    public required bool IsInteractive { get; init; }

    /// <summary>The next line is an action of a transaction, or its end.</summary>
    public bool IsInTransaction => _transaction.IsOpen;

    /// <summary>Ctrl-C: gives up the wait for a line or an answer.</summary>
    public void Interrupt()
    {
        try
        {
            _wait?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The wait has ended by itself at this very moment.
        }
    }

    /// <summary>Carries out all lines.</summary>
    /// <returns>Whether none failed.</returns>
    /// <exception cref="ServerException">The server is gone, and was not asked to be.</exception>
    /// <exception cref="TimeoutException">An answer took longer than the command line allows.</exception>
    public async Task<bool> RunAsync(ILineSource lines, CancellationToken stopping)
    {
        bool succeeded = true;
        while (!_session.HasQuit)
        {
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            _wait = wait;
            try
            {
                if (await ReadAsync(lines, wait).ConfigureAwait(false) is not { } line || line.Trim() == LocalCommands.Exit)
                    return succeeded;
                if (await TryExecuteAsync(line, wait.Token).ConfigureAwait(false))
                    continue;
                succeeded = false;
                if (_options.IsScript && !_options.KeepGoing)
                    return false;
            }
            catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
            {
                _transaction.Abandon();
            }
            finally
            {
                _wait = null;
            }
        }

        // What the server says at its end is still to be seen.
        await Task.WhenAny(_session.Completion, Task.Delay(QuitDeadline, stopping)).ConfigureAwait(false);
        return succeeded;
    }

    /// <summary>Waits for something that the server has to do.</summary>
    /// <param name="what">What does not come, for the message.</param>
    /// <inheritdoc cref="RunAsync"/>
    public async Task AwaitAsync(Task awaited, string what, CancellationToken cancellationToken)
    {
        Task first = Task.WhenAny(awaited, _session.Completion);
        try
        {
            await first.WaitAsync(_options.Timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"no {what} within {_options.Timeout.TotalSeconds} s");
        }

        if (!awaited.IsCompleted)
            await FailAsync().ConfigureAwait(false);
    }

    public void Dispose() => _received.ForEach(descriptor => descriptor.Dispose());

    private async Task<string?> ReadAsync(ILineSource lines, CancellationTokenSource wait)
    {
        Task<string?> reading = lines.ReadLineAsync(_transaction.IsOpen ? "TRANS> " : _prompt, wait.Token);
        if (await Task.WhenAny(reading, _session.Completion).ConfigureAwait(false) == reading)
            return await reading.ConfigureAwait(false);
        // The terminal is put back into order before anything is said.
        await wait.CancelAsync().ConfigureAwait(false);
        await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await FailAsync().ConfigureAwait(false);
        return null;
    }

    /// <exception cref="ServerException">Always, unless the server was asked to end.</exception>
    private async Task FailAsync()
    {
        if (_session.HasQuit)
            return;
        try
        {
            await _session.Completion.ConfigureAwait(false);
        }
        catch (QmpConnectionException e)
        {
            throw new ServerException(e.Message, e);
        }

        throw new ServerException("the server closed the connection");
    }

    private async Task<bool> TryExecuteAsync(string line, CancellationToken cancellationToken)
    {
        try
        {
            return await ExecuteAsync(line, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is FormatException or KernelException or IOException and not QmpConnectionException or UnauthorizedAccessException
            || (e is TimeoutException && IsInteractive))
        {
            Tell(e.Message);
            return false;
        }
    }

    private async Task<bool> ExecuteAsync(string line, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(line) || line.TrimStart().StartsWith('#'))
            return true;
        if (_hmp is not null)
            return await _hmp.ExecuteAsync(line, this, cancellationToken).ConfigureAwait(false);
        if (line.TrimStart().StartsWith('{'))
            return await SendRawAsync(line, cancellationToken).ConfigureAwait(false);

        List<LineWord> words = LineScanner.Scan(line);
        if (!_transaction.IsOpen && words[0].Plain is LocalCommands.Help)
            return await HelpAsync([.. words.Skip(1)], cancellationToken).ConfigureAwait(false);
        if (!_transaction.IsOpen && words[0].Plain is LocalCommands.Show or LocalCommands.Watch)
        {
            await _show.ExecuteAsync(words, cancellationToken).ConfigureAwait(false);
            return true;
        }

        LineCommand? command = _transaction.Takes(words) ? _transaction.Add(words) : LineCommand.Parse(words);
        return command is null || await SendAsync(command, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> HelpAsync(List<LineWord> words, CancellationToken cancellationToken)
    {
        ServerSchema? schema = await _session.SchemaAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        if (words.Count == 0)
        {
            _output.Write(CommandHelp.General(schema));
            return true;
        }

        LineCommand asked = LineCommand.Parse(words);
        SchemaCommand command = schema?.Command(asked.Name) ?? throw new FormatException($"the server has no command {asked.Name}");
        _output.Write(CommandHelp.Of(command, schema, new Manual(), asked.Arguments));
        return true;
    }

    private async Task<bool> SendAsync(LineCommand command, CancellationToken cancellationToken)
    {
        JsonObject? arguments = await CommandArguments.MakeAsync(command, _session, cancellationToken).ConfigureAwait(false);
        foreach (string path in command.Files)
        {
            using SafeFileHandle file = OpenForPassing(path);
            await _session.SendDescriptorAsync(file, cancellationToken).ConfigureAwait(false);
        }

        Task<JsonObject> answering = await _session.SendAsync(
            command, arguments, shown: true, _options.Verbose ? request => Tell(_format.Text(request)) : null, cancellationToken).ConfigureAwait(false);
        await AwaitAsync(answering, "answer", cancellationToken).ConfigureAwait(false);
        JsonObject answer = await answering.ConfigureAwait(false);
        await TakeDescriptorsAsync(command, answer, cancellationToken).ConfigureAwait(false);
        return answer.Contains("return");
    }

    private async Task<bool> SendRawAsync(string line, CancellationToken cancellationToken)
    {
        if (_options.Verbose)
            Tell(line);
        RawRequest raw = RawRequest.Read(line);
        if (!raw.IsComplete)
            throw new FormatException("the brackets of this JSON are not closed: nothing was sent");
        bool succeeded = true;
        foreach (Task<JsonObject> answering in await _session.SendRawAsync(raw, cancellationToken).ConfigureAwait(false))
        {
            await AwaitAsync(answering, "answer", cancellationToken).ConfigureAwait(false);
            succeeded &= (await answering.ConfigureAwait(false)).Contains("return");
        }

        return succeeded;
    }

    /// <summary>What came with the answer goes to the file that was named, or stays open for as long as the shell runs.</summary>
    private async Task TakeDescriptorsAsync(LineCommand command, JsonObject answer, CancellationToken cancellationToken)
    {
        bool isWritten = false;
        while (_session.TakeDescriptor() is { } descriptor)
        {
            if (command.Output is not null && !isWritten && answer["return"] is JsonObject reply)
            {
                using (descriptor)
                    await SentMemory.WriteAsync(descriptor, reply, command.Output, cancellationToken).ConfigureAwait(false);
                isWritten = true;
                continue;
            }

            _received.Add(descriptor);
            if (IsInteractive)
                Tell($"A descriptor came. Until the shell ends it is /proc/{Environment.ProcessId}/fd/{descriptor.DangerousGetHandle()}");
        }

        if (command.Output is not null && !isWritten && answer.Contains("return"))
            throw new FormatException($"no descriptor came with the answer: {command.Output} was not written");
    }

    private static SafeFileHandle OpenForPassing(string path)
    {
        const FileShare Shared = FileShare.ReadWrite | FileShare.Delete;
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, Shared);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not FileNotFoundException)
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, Shared);
        }
    }

    /// <summary>Words of the shell itself: they are no message, so with --json they go where errors go.</summary>
    private void Tell(string text)
    {
        if (_options.Json || _options.IsScript)
            StandardStream.Complain(text);
        else
            _output.WriteLine(text);
    }
}
