using System.Diagnostics.CodeAnalysis;

namespace Hostmemd.Protocol.Schema;

/// <summary>The commands of a program, made once; safe on any thread.</summary>
public sealed class CommandTable<TClient>(IReadOnlyList<Command<TClient>> commands)
{
    private readonly Dictionary<string, Command<TClient>> _byName = commands.ToDictionary(command => command.Name);

    public IReadOnlyList<Command<TClient>> Commands { get; } = commands;

    public bool TryFind(string name, [NotNullWhen(true)] out Command<TClient>? command) => _byName.TryGetValue(name, out command);
}
