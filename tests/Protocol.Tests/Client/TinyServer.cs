using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Session;
using Nerdbank.Streams;

namespace Hostmemd.Protocol.Tests.Client;

/// <summary>Our own server with a handful of commands, at the other end of a pipe.</summary>
internal sealed class TinyServer : IAsyncDisposable
{
    private static readonly EventDeclaration<Nothing> Tick = new("TICK", "Raised by tick.");

    private readonly QmpSession _session;
    private readonly Task _serving;

    private TinyServer(QmpSession session)
    {
        _session = session;
        _serving = new QmpServer<TinyServer>(session, Table(), this).ServeAsync(Greeting.Format(Nothing.Value));
    }

    /// <summary>Held open until the test lets the command wait return.</summary>
    public TaskCompletionSource Gate { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task<(QmpClient Client, TinyServer Server)> ConnectAsync(QmpClientOptions? options = null)
    {
        var (here, there) = FullDuplexStream.CreatePipePair();
        var server = new TinyServer(new QmpSession(there));
        return (await QmpClient.ConnectAsync(here, options), server);
    }

    public async ValueTask DisposeAsync()
    {
        Gate.TrySetResult();
        _session.Dispose();
        await _serving.WaitAsync(TimeSpan.FromSeconds(10));
    }

    private static CommandTable<TinyServer> Table() => new(
    [
        Make<NegotiationArguments>("qmp_capabilities", (server, arguments) => server._session.Negotiate(arguments.Enable is ["oob"])),
        Make<Nothing>("tick", (server, _) => server._session.Post(Tick.Make(Nothing.Value, TimeProvider.System), 0)),
        Make<Nothing>("fail", (_, _) => throw new QmpException(QmpErrorClass.DeviceNotFound, "Device 'd0' not found")),
        Make<Nothing>("now", (_, _) => { }, allowOob: true),
        new Command<TinyServer, EchoArguments, string>("echo", "", Shapes.Text, (_, arguments) => ValueTask.FromResult(arguments.Text)),
        new Command<TinyServer, Nothing, Nothing>("wait", "", Shapes.Struct, async (server, _) =>
        {
            await server.Gate.Task;
            return Nothing.Value;
        }),
    ]);

    private static Command<TinyServer, T, Nothing> Make<T>(string name, Action<TinyServer, T> act, bool allowOob = false)
        where T : class, IQapiType, new() =>
        new(name, "", Shapes.Struct, (server, arguments) =>
        {
            act(server, arguments);
            return ValueTask.FromResult(Nothing.Value);
        })
        { AllowOob = allowOob };

    private sealed class NegotiationArguments : IQapiType
    {
        internal List<string>? Enable;

        public static string TypeName => "NegotiationArguments";

        public void Visit(Visitor v) => v.OptionalList("enable", ref Enable, Shapes.Text, "");
    }

    private sealed class EchoArguments : IQapiType
    {
        internal string Text = "";

        public static string TypeName => "EchoArguments";

        public void Visit(Visitor v) => v.Required("text", ref Text, "");
    }
}
