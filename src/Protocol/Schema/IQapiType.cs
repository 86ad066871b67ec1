namespace Hostmemd.Protocol.Schema;

/// <summary>
/// A QAPI struct or union. One <see cref="Visit"/> declares its members; reading, writing, introspection and the manual all walk it.
/// </summary>
public interface IQapiType
{
    /// <summary>The name in the reference manual; query-qmp-schema masks it with a number.</summary>
    static abstract string TypeName { get; }

    /// <summary>Visits each member, one line each; the order of the lines is the order of the checks and of the output.</summary>
    void Visit(Visitor v);
}
