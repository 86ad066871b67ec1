using System.IO.Pipelines;
using System.Text;
using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;
using Nerdbank.Streams;

namespace Hostmemd.QmpShell;

/// <summary>Sends what is typed and prints what comes, in the order it comes, until either side ends.</summary>
internal sealed class LineMode(Stream server, TextReader input, TextWriter output) : IDisposable
{
    /// <summary>A long script is read no further while so many of its commands are not answered.</summary>
    private const int MaxUnanswered = 64;

    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(10);

    private readonly bool _prompts = !Console.IsInputRedirected && !Console.IsOutputRedirected;
    private readonly SemaphoreSlim _answers = new(0);
    private string _prompt = "(QEMU) ";

    /// <exception cref="IOException">The server does not speak QMP, or the connection broke.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pipe = new DuplexPipe(
            PipeReader.Create(server, new StreamPipeReaderOptions(leaveOpen: true)),
            PipeWriter.Create(server, new StreamPipeWriterOptions(leaveOpen: true)));
        // Events are printed by the observer; nobody reads the client's list of them.
        var options = new QmpClientOptions { Observer = Print, EventCapacity = 1 };
        QmpClient client = await QmpClient.ConnectAsync(pipe, options, cancellationToken).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            Task sending = SendAsync(client, ended.Token);
            // A line that is being read from a terminal cannot be given up; the wait for it can.
            Task first = await Task.WhenAny(client.Completion, sending).WaitAsync(cancellationToken).ConfigureAwait(false);
            await first.ConfigureAwait(false);
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose() => _answers.Dispose();

    private async Task SendAsync(QmpClient client, CancellationToken cancellationToken)
    {
        // The negotiation is answered, and counted, already.
        int unanswered = 1;
        while (await input.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            if (!await TrySendAsync(client, line.Trim(), cancellationToken).ConfigureAwait(false))
                continue;
            for (unanswered++; unanswered > MaxUnanswered; unanswered--)
                await _answers.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        // The answers to a piped script are printed before the connection is closed.
        for (; unanswered > 0; unanswered--)
        {
            if (!await _answers.WaitAsync(AnswerDeadline, cancellationToken).ConfigureAwait(false))
                throw new TimeoutException($"no answer within {AnswerDeadline.TotalSeconds} s");
        }
    }

    /// <summary>
    /// A line that starts with <c>{</c> goes out as it was typed, with its own id or none and its mistakes: the client's calls cannot do
    /// that, so it is no call, and its answer is only printed.
    /// </summary>
    private async Task<bool> TrySendAsync(QmpClient client, string line, CancellationToken cancellationToken)
    {
        if (line.Length == 0)
            return false;
        if (line.StartsWith('{'))
        {
            await client.SendVerbatimAsync(Encoding.UTF8.GetBytes(line + "\n"), cancellationToken).ConfigureAwait(false);
            return true;
        }

        try
        {
            _ = ExecuteAsync(client, LineCommand.Parse(line));
            return true;
        }
        catch (FormatException e)
        {
            await output.WriteLineAsync(e.Message).ConfigureAwait(false);
            return false;
        }
    }

    private static async Task ExecuteAsync(QmpClient client, LineCommand command)
    {
        try
        {
            await client.ExecuteAsync(command.Name, command.Arguments).ConfigureAwait(false);
        }
        catch (Exception e) when (e is QmpException or QmpConnectionException)
        {
            // An answer was printed when it came; the end of the connection is told by the client's completion.
        }
    }

    private void Print(JsonObject message)
    {
        output.WriteLine(message.ToString());
        if ((message["QMP"] as JsonObject)?["version"] is JsonObject version)
            _prompt = version["package"] is JsonString { Value: var package } && package.StartsWith("hostmemd", StringComparison.Ordinal)
                ? "(hostmemd) "
                : _prompt;
        if (_prompts)
            output.Write(_prompt);
        output.Flush();
        if (message.Contains("return") || message.Contains("error"))
            _answers.Release();
    }
}
