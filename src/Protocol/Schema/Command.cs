using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Schema;

/// <summary>A command: its one declaration, and how it is carried out.</summary>
/// <typeparam name="TClient">What the program keeps for each client.</typeparam>
public abstract class Command<TClient>(string name, string doc) : ICommandDeclaration
{
    public string Name { get; } = name;

    public string Doc { get; } = doc;

    public Features Features { get; init; }

    public bool AllowOob { get; init; }

    public bool AllowReadOnly { get; init; }

    /// <summary>Nothing of its session is read before it is answered.</summary>
    public bool StopsReading { get; init; }

    public abstract void VisitArguments(Visitor v);

    public abstract void VisitArgumentMembers(Visitor v);

    public abstract void VisitResult(Visitor v);

    /// <summary>Checks the arguments, then acts. Nothing has happened when an argument is refused.</summary>
    /// <exception cref="Errors.QmpException">What the client is told.</exception>
    public abstract ValueTask<CommandResult> InvokeAsync(TClient client, JsonObject arguments);
}

/// <summary>A command with the types of its arguments and result.</summary>
public sealed class Command<TClient, TArguments, TResult>(
    string name, string doc, VisitElement<TResult> result, Func<TClient, TArguments, ValueTask<TResult>> handler)
    : Command<TClient>(name, doc)
    where TArguments : class, IQapiType, new()
{
    public override void VisitArguments(Visitor v)
    {
        var arguments = new TArguments();
        v.Struct(ref arguments);
    }

    public override void VisitArgumentMembers(Visitor v) => new TArguments().Visit(v);

    public override void VisitResult(Visitor v)
    {
        TResult sample = default!;
        result(v, ref sample);
    }

    public override async ValueTask<CommandResult> InvokeAsync(TClient client, JsonObject arguments) =>
        new CommandResult<TResult>(await handler(client, InputVisitor.Read<TArguments>(arguments)).ConfigureAwait(false), result);
}
