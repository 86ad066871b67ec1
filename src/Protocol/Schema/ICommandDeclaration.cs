namespace Hostmemd.Protocol.Schema;

/// <summary>What introspection and the manual read of a command, whatever its client type.</summary>
public interface ICommandDeclaration
{
    string Name { get; }

    /// <summary>What it does, for the reference manual.</summary>
    string Doc { get; }

    Features Features { get; }

    /// <summary>exec-oob may call it.</summary>
    bool AllowOob { get; }

    /// <summary>A socket with readonly=on may call it; denied unless declared.</summary>
    bool AllowReadOnly { get; }

    /// <summary>Visits the arguments as one struct.</summary>
    void VisitArguments(Visitor v);

    /// <summary>Visits the arguments one by one.</summary>
    void VisitArgumentMembers(Visitor v);

    void VisitResult(Visitor v);
}
