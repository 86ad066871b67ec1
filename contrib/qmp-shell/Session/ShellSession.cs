using System.Globalization;
using System.Text;
using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Output;
using Hostmemd.QmpShell.Schema;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.QmpShell.Session;

/// <summary>
/// The shell's session. What the user sends goes out as it is, and its answers are printed with the events in the order they come; what the
/// shell asks for itself (the schema, names for completion) are calls beside them, and not seen.
/// </summary>
internal sealed class ShellSession : IAsyncDisposable
{
    private readonly ServerConnection _connection;
    private readonly MessageLog? _log;
    private readonly Action<JsonObject> _print;
    private readonly List<ExpectedAnswer> _expected = [];
    private Task<ServerSchema?>? _schema;
    private QmpClient _client = null!;
    private long _lastId;

    private ShellSession(ServerConnection connection, Action<JsonObject> print, MessageLog? log)
    {
        _connection = connection;
        _print = print;
        _log = log;
    }

    /// <summary>The greeting; without members where the server sends none.</summary>
    public JsonObject Greeting => _client.Greeting;

    /// <summary>Completes when the connection is over.</summary>
    public Task Completion => _client.Completion;

    /// <summary>The last answer was to quit, so that the server's end is no surprise.</summary>
    public bool HasQuit { get; private set; }

    /// <param name="print">Told of events and answers on the reading thread.</param>
    /// <exception cref="IOException">No QMP server, or its end.</exception>
    /// <exception cref="QmpException">The server refused the negotiation.</exception>
    public static async Task<ShellSession> ConnectAsync(
        ServerConnection connection, bool negotiate, Action<JsonObject> print, MessageLog? log, CancellationToken cancellationToken)
    {
        var session = new ShellSession(connection, print, log);
        // Events are told as they come; nobody reads the client's list of them.
        var options = new QmpClientOptions
        {
            ExpectGreeting = negotiate,
            Negotiate = negotiate,
            EnableOob = true,
            EventCapacity = 1,
            Unsolicited = session.Receive,
        };
        try
        {
            session._client = await QmpClient.ConnectAsync(connection, options, cancellationToken).ConfigureAwait(false);
            return session;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The server's schema, asked for once; null where it has none to tell.</summary>
    /// <exception cref="QmpConnectionException">The connection is over.</exception>
    public Task<ServerSchema?> SchemaAsync() => _schema ??= ReadSchemaAsync();

    /// <summary>Asks for the shell's own purposes.</summary>
    /// <returns>null where the server refuses.</returns>
    /// <exception cref="QmpConnectionException">The connection is over.</exception>
    public Task<JsonValue?> AskAsync(string command, CancellationToken cancellationToken, params (string Name, JsonValue Value)[] arguments)
    {
        var given = new JsonObject(arguments.Select(argument => new KeyValuePair<string, JsonValue>(argument.Name, argument.Value)));
        return OrNullAsync(_client.ExecuteAsync(command, given.Members.Count > 0 ? given : null, cancellationToken: cancellationToken));
    }

    /// <summary>The same, where most of the answer is of no use.</summary>
    /// <inheritdoc cref="QmpClient.ExecuteWithoutAsync"/>
    public Task<JsonValue?> AskWithoutAsync(string member, string command, CancellationToken cancellationToken) =>
        OrNullAsync(_client.ExecuteWithoutAsync(member, command, cancellationToken));

    /// <summary>Sends a command.</summary>
    /// <param name="shown">Its answer is printed when it comes.</param>
    /// <param name="tell">Told what is sent, before it is.</param>
    /// <returns>The answer, once it comes.</returns>
    public async Task<Task<JsonObject>> SendAsync(
        LineCommand command, JsonObject? arguments, bool shown, Action<JsonObject>? tell, CancellationToken cancellationToken)
    {
        JsonValue? id = command.IdOnWire;
        var members = new List<KeyValuePair<string, JsonValue>> { new(command.OutOfBand ? "exec-oob" : "execute", new JsonString(command.Name)) };
        if (arguments is not null)
            members.Add(new("arguments", arguments));
        if (id is not null)
            members.Add(new("id", id));
        tell?.Invoke(new JsonObject(members));
        JsonValue idOnWire = id ?? new JsonString(string.Create(CultureInfo.InvariantCulture, $"qmp-shell-{++_lastId}"));
        if (id is null)
            members.Add(new("id", idOnWire));
        var expected = new ExpectedAnswer(idOnWire.ToString(), HasOwnId: id is null, shown, IsQuit: command.Name == "quit");
        await SendAsync(new JsonObject(members).ToString(), [expected], cancellationToken).ConfigureAwait(false);
        return expected.Source.Task;
    }

    /// <summary>Sends JSON as it was typed.</summary>
    /// <returns>The answers to the values in it.</returns>
    public async Task<IReadOnlyList<Task<JsonObject>>> SendRawAsync(RawRequest raw, CancellationToken cancellationToken)
    {
        ExpectedAnswer[] expected =
        [
            .. raw.Ids.Zip(raw.Commands).Select(request =>
                new ExpectedAnswer(request.First, HasOwnId: false, IsShown: true, IsQuit: request.Second == "quit")),
        ];
        await SendAsync(raw.Text, expected, cancellationToken).ConfigureAwait(false);
        return [.. expected.Select(answer => answer.Source.Task)];
    }

    /// <summary>Sends a descriptor for the command that follows.</summary>
    /// <inheritdoc cref="ServerConnection.SendDescriptorAsync"/>
    public Task SendDescriptorAsync(SafeFileHandle descriptor, CancellationToken cancellationToken) =>
        _connection.IsUnixSocket
            ? _connection.SendDescriptorAsync(descriptor, cancellationToken)
            : throw new FormatException("descriptors pass over Unix sockets alone");

    /// <inheritdoc cref="ServerConnection.TakeDescriptor"/>
    public SafeFileHandle? TakeDescriptor() => _connection.TakeDescriptor();

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync().ConfigureAwait(false);
        _connection.Dispose();
    }

    private async Task SendAsync(string line, IReadOnlyList<ExpectedAnswer> expected, CancellationToken cancellationToken)
    {
        lock (_expected)
            _expected.AddRange(expected);
        _log?.Sent(line);
        await _client.SendVerbatimAsync(Encoding.UTF8.GetBytes(line + "\n"), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>On the reading thread.</summary>
    private void Receive(JsonObject message)
    {
        _log?.Received(message);
        if (message.Contains("QMP"))
            return;
        ExpectedAnswer? expected = message.Contains("event") ? null : Take(message);
        if (expected?.HasOwnId == true)
            message = new JsonObject(message.Members.Where(member => member.Key != "id"));
        if (expected?.IsQuit == true && message.Contains("return"))
            HasQuit = true;
        if (expected?.IsShown != false)
            _print(message);
        expected?.Source.TrySetResult(message);
    }

    /// <summary>Whose answer it is. An error without an id is the oldest one's: the server could not read what was sent.</summary>
    private ExpectedAnswer? Take(JsonObject answer)
    {
        string? id = answer["id"]?.ToString();
        lock (_expected)
        {
            int at = _expected.FindIndex(expected => expected.Id == id);
            if (at < 0 && id is null && _expected.Count > 0)
                at = 0;
            if (at < 0)
                return null;
            ExpectedAnswer found = _expected[at];
            _expected.RemoveAt(at);
            return found;
        }
    }

    private static async Task<JsonValue?> OrNullAsync(Task<JsonValue> asking)
    {
        try
        {
            return await asking.ConfigureAwait(false);
        }
        catch (QmpException)
        {
            return null;
        }
    }

    private async Task<ServerSchema?> ReadSchemaAsync() =>
        await AskAsync("query-qmp-schema", CancellationToken.None).ConfigureAwait(false) is { } reply ? new ServerSchema(reply) : null;
}
