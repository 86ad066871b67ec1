using System.Diagnostics;
using System.IO.Pipelines;
using System.Threading.Channels;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;
using StreamJsonRpc;

namespace Hostmemd.Protocol.Client;

/// <summary>
/// A client's session with a QMP server, on the same engine as the server's side: ids, waiting callers and the connection's life are
/// StreamJsonRpc's (decision 0002). Safe on any thread.
/// </summary>
/// <remarks>
/// An error without an id says that the server could not read something we sent; which command it was is not known. It comes with the events,
/// and the call it was meant for waits until it is cancelled or the connection ends. Calls cause that only with arguments beyond QEMU's
/// limits (1,024 levels, 64 MiB).
/// </remarks>
public sealed class QmpClient : IAsyncDisposable
{
    private readonly QmpClientHandler _handler;
    private readonly JsonRpc _engine;
    private readonly Channel<JsonObject> _events;
    private readonly TaskCompletionSource<JsonObject> _greeting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _eventsDropped;
    private int _disposed;

    private QmpClient(IDuplexPipe pipe, QmpClientOptions options)
    {
        _events = Channel.CreateBounded<JsonObject>(
            new BoundedChannelOptions(options.EventCapacity) { FullMode = BoundedChannelFullMode.DropOldest },
            _ => Interlocked.Increment(ref _eventsDropped));
        _handler = new QmpClientHandler(pipe, Receive, options);
        _engine = new JsonRpc(_handler) { CancellationStrategy = null };
        _engine.TraceSource.Switch.Level = SourceLevels.Off;
        _engine.TraceSource.Listeners.Clear();
    }

    /// <summary>The server's first message.</summary>
    public JsonObject Greeting { get; private set; } = new();

    /// <summary>Out-of-band execution was asked for, offered and enabled.</summary>
    public bool IsOobEnabled { get; private set; }

    /// <summary>
    /// Events in the order they came, whole: an object with the member event. Also errors without an id, with the member error. An event is
    /// here before the answers behind it reach their callers. It ends with the connection, and its error.
    /// </summary>
    public ChannelReader<JsonObject> Events => _events.Reader;

    /// <summary>Events dropped because nobody read them in time.</summary>
    public long EventsDropped => Interlocked.Read(ref _eventsDropped);

    /// <summary>Completes when the connection is over; fails with a <see cref="QmpConnectionException"/> where the server did not just close it.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>Waits for the greeting and negotiates.</summary>
    /// <param name="pipe">The connection; the client completes both ends of it, also when this fails.</param>
    /// <exception cref="QmpConnectionException">The server closed the connection, or its first message is no greeting.</exception>
    /// <exception cref="QmpException">The server refused the negotiation.</exception>
    public static async Task<QmpClient> ConnectAsync(
        IDuplexPipe pipe, QmpClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new QmpClientOptions();
        var client = new QmpClient(pipe, options);
        try
        {
            await client.StartAsync(options, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Carries out a command. Commands leave in the order of the calls.</summary>
    /// <param name="outOfBand">exec-oob instead of execute; the server refuses it unless <see cref="IsOobEnabled"/>.</param>
    /// <param name="cancellationToken">Ends the waiting only: QMP has no cancel, the command runs on and its answer is dropped.</param>
    /// <returns>What the command returned.</returns>
    /// <exception cref="QmpException">The server's error; a class that QMP does not have becomes GenericError.</exception>
    /// <exception cref="QmpConnectionException">The connection is over; whether the command was carried out is not known.</exception>
    public async Task<JsonValue> ExecuteAsync(
        string command, JsonObject? arguments = null, bool outOfBand = false, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var method = outOfBand ? QmpClientHandler.OutOfBand : QmpClientHandler.InBand;
        var answer = await AskAsync(() => _engine.InvokeWithCancellationAsync<JsonObject>(method, [command, arguments]), cancellationToken)
            .ConfigureAwait(false);
        return answer["return"] ?? throw ErrorOf(answer);
    }

    /// <summary>
    /// Carries out a command without reading all of its answer: members of a name are left out, at any depth, where they are lists or objects. So are
    /// those of whatever else comes meanwhile; one such call at a time.
    /// </summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    internal async Task<JsonValue> ExecuteWithoutAsync(string member, string command, CancellationToken cancellationToken = default)
    {
        _handler.Without = member;
        try
        {
            return await ExecuteAsync(command, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _handler.Without = null;
        }
    }

    /// <summary>Ends the session; calls that wait fail.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _engine.Dispose();
        await _handler.DisposeAsync().ConfigureAwait(false);
        await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>
    /// Sends a line that is the user's, id and mistakes included, in turn with the calls. Its answers are no call's: they come as
    /// <see cref="QmpClientOptions.Unsolicited"/>. An id that equals the number of a waiting call takes that call's answer.
    /// </summary>
    internal async Task SendVerbatimAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken) =>
        await AskAsync(
            async () =>
            {
                await _engine.NotifyAsync(QmpClientHandler.Verbatim, (object)line).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);

    private static QmpException ErrorOf(JsonObject answer)
    {
        var error = answer["error"] as JsonObject;
        var name = (error?["class"] as JsonString)?.Value;
        var known = Enum.GetValues<QmpErrorClass>().FirstOrDefault(value => value.ToString() == name);
        return new QmpException(known, (error?["desc"] as JsonString)?.Value ?? answer.ToString());
    }

    private async Task StartAsync(QmpClientOptions options, CancellationToken cancellationToken)
    {
        _engine.StartListening();
        Completion = EndAsync();
        if (options.ExpectGreeting)
            Greeting = await _greeting.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        else
            _greeting.TrySetResult(Greeting);
        if (!options.Negotiate)
            return;
        var offered = (Greeting["QMP"] as JsonObject)?["capabilities"] as JsonArray;
        var enable = options.EnableOob && offered is not null && offered.Items.Any(item => item is JsonString { Value: "oob" });
        var arguments = enable ? new JsonObject([new("enable", new JsonArray([new JsonString("oob")]))]) : null;
        await ExecuteAsync("qmp_capabilities", arguments, cancellationToken: cancellationToken).ConfigureAwait(false);
        IsOobEnabled = enable;
    }

    /// <summary>Called by the handler for what answers no call; the greeting is the first of it.</summary>
    private void Receive(JsonObject message)
    {
        if (!_greeting.TrySetResult(message))
            _events.Writer.TryWrite(message);
    }

    private async Task EndAsync()
    {
        await _engine.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var failure = _handler.Failure;
        _greeting.TrySetException(Lost(null));
        _events.Writer.TryComplete(failure);
        if (failure is not null)
            throw failure;
    }

    /// <summary>Has the engine send something; its exceptions about the connection become one kind.</summary>
    private async Task<T> AskAsync<T>(Func<Task<T>> send, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        try
        {
            return await send().WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (e is ConnectionLostException or OperationCanceledException or ObjectDisposedException or IOException)
        {
            throw Lost(e);
        }
    }

    private QmpConnectionException Lost(Exception? cause) =>
        new(_handler.Failure?.Message ?? (_disposed != 0 ? "the connection was closed on this side" : "the server closed the connection"),
            _handler.Failure ?? cause);
}
