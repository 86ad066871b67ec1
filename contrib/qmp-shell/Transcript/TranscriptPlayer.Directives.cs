using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Hostmemd.QmpShell.Transcript;

/// <content>The lines that start with <c>==</c>.</content>
internal sealed partial class TranscriptPlayer
{
    private async Task DirectiveAsync(TranscriptStep step, int index)
    {
        switch (step.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            case ["new-client"]:
                await ConnectAsync().ConfigureAwait(false);
                AnnounceEvents(index + 1);
                break;
            case ["close", ..]:
                Client(step).Dispose();
                _clients[step.Client - 1] = null;
                break;
            case ["eof", ..]:
                await ExpectEndAsync(step).ConfigureAwait(false);
                break;
            case ["quiet", ..]:
                await ExpectSilenceAsync(step).ConfigureAwait(false);
                break;
            case ["pause", var milliseconds]:
                await Task.Delay(int.Parse(milliseconds, CultureInfo.InvariantCulture), _cancellation).ConfigureAwait(false);
                break;
            case ["file", var name, var size]:
                await using (FileStream file = File.Create(Path.Combine(_session.Directory, name)))
                    file.SetLength(long.Parse(size, CultureInfo.InvariantCulture));
                break;
            case ["dir", var name]:
                Directory.CreateDirectory(Path.Combine(_session.Directory, name));
                break;
            default:
                throw new UnreachableException($"the parser let {step.Text} pass");
        }
    }

    private async Task ConnectAsync()
    {
        Socket socket = await _session.Connect(_cancellation).ConfigureAwait(false);
        _clients.Add(TranscriptClient.Start(socket, _clients.Count + 1));
    }

    private async Task ExpectEndAsync(TranscriptStep step)
    {
        TranscriptClient client = Client(step);
        if (await NextOtherThanAwaitedAsync(client, _timeout).ConfigureAwait(false) is { } message)
            throw Unexpected("expected end of stream, got", message);
        if (!client.IsAtEnd)
            throw new TranscriptMismatch("expected end of stream, the connection is still open");
    }

    private async Task ExpectSilenceAsync(TranscriptStep step)
    {
        TranscriptClient client = Client(step);
        if (await NextOtherThanAwaitedAsync(client, _session.Settle).ConfigureAwait(false) is { } message)
            throw Unexpected("expected no message yet, got", message);
        if (client.IsAtEnd)
            throw new TranscriptMismatch("expected no message yet, the server closed the connection");
    }

    private async Task<TranscriptMessage?> NextOtherThanAwaitedAsync(TranscriptClient client, TimeSpan timeout)
    {
        while (await NextAsync(client, timeout).ConfigureAwait(false) is { } message)
        {
            if (!TakeEvent(client, message))
                return message;
        }

        return null;
    }
}
