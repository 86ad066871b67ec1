namespace Hostmemd.Protocol.Schema;

/// <summary>A value of one of several types, told apart by how it is written (QAPI's alternate).</summary>
/// <param name="typeName">What the manual calls it.</param>
/// <param name="types">Each visits a sample of one of the types.</param>
public sealed class AlternateTable(string typeName, params Action<Visitor>[] types)
{
    public string TypeName { get; } = typeName;

    public IReadOnlyList<Action<Visitor>> Types { get; } = types;
}
