using Hostmemd.Protocol.Schema;

namespace Hostmemd.Protocol.Tests.Schema;

/// <summary>A small table for introspection and the manual.</summary>
internal static class SampleCommands
{
    public static readonly IReadOnlyList<Command<object>> Commands =
    [
        new Command<object, Drawing, Nothing>("draw", "Draws it.", Shapes.Struct, (_, _) => ValueTask.FromResult(Nothing.Value))
        {
            Features = Features.Hostmemd | Features.Unstable,
        },
        new Command<object, Nothing, List<Inner>>("query-inners", "Tells of all.", Shapes.StructList, (_, _) => ValueTask.FromResult(new List<Inner>()))
        {
            AllowOob = true,
            AllowReadOnly = true,
        },
    ];

    public static readonly IReadOnlyList<EventDeclaration> Events =
    [
        new EventDeclaration<Circle>("DRAWN", "It was drawn."),
        new EventDeclaration<Nothing>("RUBBED_OUT", "It is gone.") { OnRequest = true, Features = Features.Hostmemd },
    ];
}
