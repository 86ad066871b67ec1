using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>Carries out the steps of one transcript against a server.</summary>
internal sealed partial class TranscriptPlayer : IDisposable
{
    public const string DirectoryPlaceholder = "@DIR@";

    private readonly TranscriptFile _file;
    private readonly TranscriptSession _session;
    private readonly CancellationToken _cancellation;
    private readonly TimeSpan _timeout;

    /// <summary>Client N at index N - 1; null once we closed it, for its number is not used again.</summary>
    private readonly List<TranscriptClient?> _clients = [];

    private readonly HashSet<TranscriptStep> _announced = [];

    private TranscriptPlayer(TranscriptFile file, TranscriptSession session, CancellationToken cancellation)
    {
        _file = file;
        _session = session;
        _cancellation = cancellation;
        _timeout = file.Timeout > session.StepTimeout ? file.Timeout : session.StepTimeout;
    }

    /// <exception cref="TranscriptMismatch">The server did not do what the transcript says.</exception>
    public static async Task PlayAsync(TranscriptFile file, TranscriptSession session, CancellationToken cancellationToken)
    {
        using var player = new TranscriptPlayer(file, session, cancellationToken);
        await player.PlayAsync().ConfigureAwait(false);
    }

    public void Dispose()
    {
        foreach (TranscriptClient client in _clients.OfType<TranscriptClient>())
            client.Dispose();
    }

    private async Task PlayAsync()
    {
        await ConnectAsync().ConfigureAwait(false);
        AnnounceEvents(0);
        for (int i = 0; i < _file.Steps.Count; i++)
        {
            try
            {
                await StepAsync(i).ConfigureAwait(false);
            }
            catch (TranscriptMismatch mismatch)
            {
                throw mismatch.At(_file.Steps[i].LineNumber);
            }
        }

        foreach (TranscriptClient client in _clients.OfType<TranscriptClient>())
            await FinishAsync(client).ConfigureAwait(false);
    }

    private Task StepAsync(int index)
    {
        TranscriptStep step = _file.Steps[index];
        switch (step.Kind)
        {
            case TranscriptStepKind.Receive or TranscriptStepKind.ReceiveBytes:
                return ReceiveAsync(step);
            case TranscriptStepKind.Event:
                // It was announced before the send; here only a line for a connection that is gone can be wrong.
                _ = Client(step);
                return Task.CompletedTask;
            case TranscriptStepKind.Directive:
                return DirectiveAsync(step, index);
            default:
                AnnounceEvents(index + 1);
                return SendAsync(step);
        }
    }

    // An event may come from the send above its line on, so it has to be known before that send.
    private void AnnounceEvents(int first)
    {
        foreach (TranscriptStep step in _file.Steps.Skip(first).TakeWhile(s => !s.IsSend))
        {
            if (step.Kind == TranscriptStepKind.Event && FindClient(step.Client) is { } client && _announced.Add(step))
                client.PendingEvents.Add(step);
        }
    }

    private async Task SendAsync(TranscriptStep step)
    {
        TranscriptClient client = Client(step);
        string text = Substitute(step.Text);
        Tell(client, step.Kind switch { TranscriptStepKind.Send => "->", TranscriptStepKind.SendBytes => "=>", _ => "=fd>" }, text);
        Task sending = step.Kind switch
        {
            TranscriptStepKind.Send => client.SendAsync(Encoding.UTF8.GetBytes(text + "\n"), _timeout, _cancellation),
            TranscriptStepKind.SendBytes => client.SendAsync(EscapedBytes.ParseSend(text), _timeout, _cancellation),
            _ => client.SendWithMemfdAsync(EscapedBytes.ParseSend(text), _timeout, _cancellation),
        };
        await sending.ConfigureAwait(false);
    }

    private async Task ReceiveAsync(TranscriptStep step)
    {
        TranscriptClient client = Client(step);
        while (true)
        {
            TranscriptMessage? message = await NextAsync(client, _timeout).ConfigureAwait(false);
            TranscriptMismatch? mismatch = step.Kind == TranscriptStepKind.Receive
                ? CompareValue(step, message, client)
                : CompareBytes(step, message, client);
            if (mismatch is null)
                return;
            if (message is null || !TakeEvent(client, message))
                throw mismatch;
        }
    }

    private TranscriptMismatch? CompareValue(TranscriptStep step, TranscriptMessage? message, TranscriptClient client)
    {
        string? difference = message switch
        {
            null => Silence(client),
            { Error: { } error } => $"not JSON ({error})",
            _ => JsonMatcher.Difference(Expectation(step), message.Value),
        };
        if (difference is null)
            return null;
        if (message?.ErrorDescription is { } description && step.Value.TryGetProperty("return", out _))
            difference += $"; the server refused: {description}";
        return new TranscriptMismatch(difference, JsonText.Shorten(step.Text), message is null ? null : JsonText.Shorten(message.Text));
    }

    private TranscriptMismatch? CompareBytes(TranscriptStep step, TranscriptMessage? message, TranscriptClient client)
    {
        if (message is null)
            return new TranscriptMismatch(Silence(client), JsonText.Shorten(step.Text));
        return message.Bytes.Span.SequenceEqual(EscapedBytes.Parse(Substitute(step.Text)))
            ? null
            : new TranscriptMismatch(
                "bytes differ", JsonText.Shorten(step.Text), JsonText.Shorten(EscapedBytes.Format(message.Bytes.Span)));
    }

    private async Task FinishAsync(TranscriptClient client)
    {
        var elapsed = Stopwatch.StartNew();
        while (client.PendingEvents is [var awaited, ..])
        {
            TimeSpan left = _timeout - elapsed.Elapsed;
            TranscriptMessage? message = await NextAsync(client, left > TimeSpan.Zero ? left : TimeSpan.Zero).ConfigureAwait(false);
            if (message is null)
                throw new TranscriptMismatch("this event never came", JsonText.Shorten(awaited.Text)).At(awaited.LineNumber);
            if (!TakeEvent(client, message))
                throw Unexpected("after the last line: unexpected message", message);
        }

        if (await NextAsync(client, _session.Settle).ConfigureAwait(false) is { } late)
            throw Unexpected("after the last line: unexpected message", late);
    }

    private async Task<TranscriptMessage?> NextAsync(TranscriptClient client, TimeSpan timeout)
    {
        TranscriptMessage? message = await client.NextAsync(timeout, _cancellation).ConfigureAwait(false);
        if (message is not null)
            Tell(client, "<-", message.Text);
        return message;
    }

    private bool TakeEvent(TranscriptClient client, TranscriptMessage message)
    {
        if (!message.IsEvent)
            return false;
        int found = client.PendingEvents.FindIndex(step => JsonMatcher.Matches(Expectation(step), message.Value));
        if (found >= 0)
            client.PendingEvents.RemoveAt(found);
        return found >= 0;
    }

    private string Silence(TranscriptClient client) =>
        client.IsAtEnd ? "the server closed the connection" : $"nothing came within {_timeout.TotalSeconds} s";

    private static TranscriptMismatch Unexpected(string what, TranscriptMessage message) => new($"{what} {JsonText.Shorten(message.Text)}");

    private JsonElement Expectation(TranscriptStep step) =>
        step.Text.Contains(DirectoryPlaceholder, StringComparison.Ordinal)
            ? JsonText.Parse(Encoding.UTF8.GetBytes(Substitute(step.Text)))
            : step.Value;

    private string Substitute(string text) => text.Replace(DirectoryPlaceholder, _session.Directory, StringComparison.Ordinal);

    private TranscriptClient Client(TranscriptStep step) =>
        FindClient(step.Client) ?? throw new TranscriptMismatch($"client {step.Client} is not connected");

    private TranscriptClient? FindClient(int number) => number <= _clients.Count ? _clients[number - 1] : null;

    private void Tell(TranscriptClient client, string arrow, string text) =>
        _session.Observer?.Invoke($"{(client.Number == 1 ? "" : client.Number)}{arrow} {text}");
}
