using System.Collections.Concurrent;
using System.Collections.Immutable;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Session;

namespace Hostmemd.Protocol.Tests.Session;

/// <summary>What sessions share: a generation, the events of its changes, gates at which commands are held.</summary>
internal sealed class TestGuest
{
    public static readonly EventDeclaration<GenerationValue> Changed = new("CHANGED", "a change");
    public static readonly EventDeclaration<GenerationValue> ChangedOnRequest = new("CHANGED_ON_REQUEST", "the same") { OnRequest = true };
    public static readonly EventDeclaration<TextValue> Told = new("TOLD", "a text of any length");
    public static readonly EventDeclaration<TextValue> ToldOnRequest = new("TOLD_ON_REQUEST", "the same") { OnRequest = true };
    public static readonly EventDeclaration<Nothing> Bare = new("BARE", "without data");
    public static readonly EventDeclaration<LostCount> EventsLost = new("EVENTS_LOST", "some were dropped") { OnRequest = true };

    private readonly ConcurrentDictionary<string, Gate> _gates = new();
    private ImmutableList<QmpSession> _sessions = [];

    public ulong Generation { get; private set; } = 1;

    /// <summary>Commands that began, all sessions together.</summary>
    public int Begun => _begun;

    private int _begun;

    public void Attach(QmpSession session) => ImmutableInterlocked.Update(ref _sessions, sessions => sessions.Add(session));

    /// <summary>What "attach" attached, in its order.</summary>
    public ConcurrentQueue<TestAttachment> Attachments { get; } = new();

    public TestAttachment MakeAttachment(string name)
    {
        var attachment = new TestAttachment(name);
        Attachments.Enqueue(attachment);
        return attachment;
    }

    /// <summary>Where the command of that name waits.</summary>
    public Gate At(string name) => _gates.GetOrAdd(name, _ => new Gate());

    public void Begin() => Interlocked.Increment(ref _begun);

    /// <summary>Changes the state, then tells every session.</summary>
    public void Change()
    {
        Generation++;
        Post(Changed.Make(new GenerationValue { Generation = Generation }, TimeProvider.System), Generation);
        Post(ChangedOnRequest.Make(new GenerationValue { Generation = Generation }, TimeProvider.System), Generation);
    }

    public void Post(EventMessage message, ulong generation)
    {
        foreach (var session in _sessions)
            session.Post(message, generation);
    }

    public sealed class Gate
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when a command waits here.</summary>
        public Task ReachedAsync() => _reached.Task.WaitAsync(TestSession.Patience);

        public void Open() => _opened.TrySetResult();

        public Task PassAsync()
        {
            _reached.TrySetResult();
            return _opened.Task;
        }
    }
}

internal sealed class TestClient(TestGuest guest, QmpSession session)
{
    public static readonly CommandTable<TestClient> Commands = new(
    [
        New<CapabilitiesArguments, Nothing>("qmp_capabilities", Shapes.Struct, (client, arguments) =>
        {
            client.Session.Negotiate(arguments.Enable?.Contains(Capability.Oob) == true);
            return ValueTask.FromResult(Nothing.Value);
        }),
        New<TextValue, TextValue>("echo", Shapes.Struct, (client, arguments) => ValueTask.FromResult(arguments), readOnly: true),
        New<TextValue, TextValue>("echo-oob", Shapes.Struct, (client, arguments) => ValueTask.FromResult(arguments), oob: true),
        New<NameArguments, Nothing>("hold", Shapes.Struct, async (client, arguments) =>
        {
            await client.Guest.At(arguments.Name).PassAsync();
            return Nothing.Value;
        }),
        New<NameArguments, Nothing>("release", Shapes.Struct, (client, arguments) =>
        {
            client.Guest.At(arguments.Name).Open();
            return ValueTask.FromResult(Nothing.Value);
        }, oob: true),
        New<Nothing, Nothing>("change", Shapes.Struct, (client, _) =>
        {
            client.Guest.Change();
            return ValueTask.FromResult(Nothing.Value);
        }),
        // Reads the state, then is held before it answers with what it read.
        New<NameArguments, GenerationValue>("read", Shapes.Struct, async (client, arguments) =>
        {
            var seen = client.Read();
            await client.Guest.At(arguments.Name).PassAsync();
            return new GenerationValue { Generation = seen };
        }, readOnly: true),
        // The same, and reads once more before it answers.
        New<NameArguments, GenerationValue>("read-twice", Shapes.Struct, async (client, arguments) =>
        {
            var seen = client.Read();
            await client.Guest.At(arguments.Name + " once").PassAsync();
            _ = client.Read();
            await client.Guest.At(arguments.Name).PassAsync();
            return new GenerationValue { Generation = seen };
        }),
        New<NamesArguments, Nothing>("subscribe", Shapes.Struct, (client, arguments) =>
        {
            client.Session.Subscribe([.. arguments.Names]);
            return ValueTask.FromResult(Nothing.Value);
        }),
        New<SizeArguments, TextValue>("big", Shapes.Struct, (client, arguments) =>
        {
            client.Guest.Begin();
            return ValueTask.FromResult(new TextValue { Text = new string('x', (int)arguments.Size) });
        }),
        New<NameArguments, Nothing>("attach", Shapes.Struct, async (client, arguments) =>
        {
            client.Session.Attach(client.Guest.MakeAttachment(arguments.Name));
            if (arguments.Name == "held")
                await client.Guest.At(arguments.Name).PassAsync();
            return arguments.Name == "failing" ? throw new QmpException("as told") : Nothing.Value;
        }),
        New<NameArguments, Nothing>("fail", Shapes.Struct, (_, arguments) => throw new QmpException(QmpErrorClass.DeviceNotFound, arguments.Name)),
        New<Nothing, Nothing>("crash", Shapes.Struct, (_, _) => throw new InvalidOperationException("a bug")),
        New<Nothing, Nothing>("crash-later", Shapes.Struct, async (_, _) =>
        {
            await Task.Yield();
            throw new InvalidOperationException("a bug");
        }),
        New<Nothing, Unwritable>("crash-writing", Shapes.Struct, (_, _) => ValueTask.FromResult(new Unwritable())),
    ]);

    public TestGuest Guest { get; } = guest;

    public QmpSession Session { get; } = session;

    private ulong Read() => Session.Pin(() => (Guest.Generation, Guest.Generation));

    private static Command<TestClient, TArguments, TResult> New<TArguments, TResult>(
        string name, VisitElement<TResult> result, Func<TestClient, TArguments, ValueTask<TResult>> handler, bool oob = false, bool readOnly = false)
        where TArguments : class, IQapiType, new()
        => new(name, "a command of the tests", result, handler) { AllowOob = oob, AllowReadOnly = readOnly };
}
