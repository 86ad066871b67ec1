using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using Hostmemd.Protocol.Wire;
using StreamJsonRpc;
using StreamJsonRpc.Protocol;

namespace Hostmemd.Protocol.Client;

/// <summary>
/// The client's framing: calls of the engine to lines, answers back to it by their id. The engine would disconnect at a message that answers
/// no call, so it sees none: the greeting, events and errors without an id go to <paramref name="receive"/>, answers with a strange id nowhere.
/// </summary>
/// <param name="pipe">The connection; disposing completes both of its ends.</param>
/// <param name="receive">Called on the reading thread, before a later answer reaches its caller.</param>
/// <param name="options">How the session begins, and who is told of <see cref="QmpClientOptions.Unsolicited"/> messages.</param>
internal sealed class QmpClientHandler(IDuplexPipe pipe, Action<JsonObject> receive, QmpClientOptions options)
    : IJsonRpcMessageHandler, IAsyncDisposable
{
    /// <summary>Methods of the engine: the member that names the command; its arguments are that name and the command's arguments.</summary>
    public const string InBand = "execute";
    public const string OutOfBand = "exec-oob";

    /// <summary>A notification of the engine, whose one argument is bytes to be sent as they stand.</summary>
    public const string Verbatim = "verbatim";

    private const int ShownCharacters = 200;

    private readonly JsonPipeReader _input = new(pipe.Input);
    private readonly ConcurrentDictionary<long, bool> _unanswered = new();
    private readonly SemaphoreSlim _reading = new(1, 1);
    private readonly SemaphoreSlim _writing = new(1, 1);
    private bool _greeted = !options.ExpectGreeting;
    private volatile QmpConnectionException? _failure;

    /// <inheritdoc cref="JsonReader.Without"/>
    public string? Without
    {
        get => _input.Without;
        set => _input.Without = value;
    }

    public bool CanRead => true;

    public bool CanWrite => true;

    public IJsonRpcMessageFormatter Formatter { get; } = new QmpFormatter();

    /// <summary>Why reading ended; null while it has not, or when the server closed the connection.</summary>
    public QmpConnectionException? Failure => _failure;

    /// <summary>The next answer to a call; null when the server has closed the connection.</summary>
    public async ValueTask<JsonRpcMessage?> ReadAsync(CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            do
            {
                while (_input.TryRead(out var reading))
                    if (Take(reading) is { } answer)
                        return answer;
            }
            while (await _input.FillAsync(cancellationToken).ConfigureAwait(false));
            return null;
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            // A Unix socket that was closed with input unread: an end like any other (seen in QEMU 11.1.3 after quit).
            return null;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw _failure = e as QmpConnectionException ?? new QmpConnectionException($"the connection broke: {e.Message}", e);
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <remarks>Safe on any thread. Lines leave in the order of the calls.</remarks>
    public async ValueTask WriteAsync(JsonRpcMessage content, CancellationToken cancellationToken)
    {
        var request = content as JsonRpcRequest ?? throw new NotSupportedException("a client sends requests");
        var line = Format(request);
        var id = request.RequestId.Number;
        if (id is not null)
            _unanswered[id.Value] = true;
        try
        {
            await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                // Whether the server still reads is not asked here: its end comes to the reading side, behind the answers already sent.
                await pipe.Output.WriteAsync(line, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                _writing.Release();
            }
        }
        catch when (id is not null)
        {
            _unanswered.TryRemove(id.Value, out _);
            throw;
        }
    }

    /// <summary>Completes the pipe, once the engine is disposed and so has ended its reading and writing.</summary>
    public async ValueTask DisposeAsync()
    {
        // Neither is given back: nobody reads or writes again.
        await _writing.WaitAsync().ConfigureAwait(false);
        await pipe.Output.CompleteAsync().ConfigureAwait(false);
        await _reading.WaitAsync().ConfigureAwait(false);
        await pipe.Input.CompleteAsync().ConfigureAwait(false);
    }

    private static ReadOnlyMemory<byte> Format(JsonRpcRequest request)
    {
        var arguments = request.ArgumentsList!;
        if (request.Method == Verbatim)
            return (ReadOnlyMemory<byte>)arguments[0]!;
        var buffer = new ArrayBufferWriter<byte>(256);
        var writer = new JsonWriter(buffer);
        writer.BeginObject();
        writer.Name(request.Method!);
        writer.Text((string)arguments[0]!);
        if (arguments[1] is JsonObject given)
        {
            writer.Name("arguments");
            writer.Value(given);
        }
        writer.Name("id");
        writer.Number(request.RequestId.Number!.Value);
        writer.EndObject();
        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    /// <summary>Sorts one message.</summary>
    /// <returns>The answer to a call, for the engine.</returns>
    private JsonRpcResult? Take(JsonReading reading)
    {
        if (reading.Error is not null)
            throw new QmpConnectionException($"the server does not speak QMP: {reading.Error}");
        var message = reading.Value as JsonObject;
        var isAnswer = message is not null && (message.Contains("return") || message.Contains("error"));
        var isGreeting = message is not null && message.Contains("QMP") && !(_greeted && options.ExpectGreeting);
        if (message is null || !(isGreeting || (_greeted && (isAnswer || message.Contains("event")))))
            throw new QmpConnectionException($"the server does not speak QMP: {(_greeted ? "" : "no greeting, but ")}{Shorten(reading.Value!)}");
        _greeted = true;
        if (isAnswer && message["id"] is JsonNumber { Kind: JsonNumberKind.Int64 } id && _unanswered.TryRemove(id.Int64, out _))
        {
            return new JsonRpcResult { RequestId = new RequestId(id.Int64), Result = message };
        }
        options.Unsolicited?.Invoke(message);
        if (!isAnswer || (message.Contains("error") && !message.Contains("id")))
            receive(message);
        return null;
    }

    private static string Shorten(JsonValue value)
    {
        var text = value.ToString();
        return text.Length <= ShownCharacters ? text : text[..ShownCharacters] + "...";
    }
}
