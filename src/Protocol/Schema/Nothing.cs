namespace Hostmemd.Protocol.Schema;

/// <summary>No members: the arguments and the result of commands that have none.</summary>
public sealed class Nothing : IQapiType
{
    public static readonly Nothing Value = new();

    public static string TypeName => "Empty";

    public void Visit(Visitor v) { }
}
