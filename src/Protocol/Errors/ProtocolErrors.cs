namespace Hostmemd.Protocol.Errors;

/// <summary>Every error text of the protocol itself, equal to QEMU 11.1.3's. The texts of commands are with the commands.</summary>
public static class ProtocolErrors
{
    /// <summary>Ours: QEMU serves one client, and bounds each value alone.</summary>
    public const string TooMuchInput = "JSON input limit of all clients exceeded, try again later";

    // The request's envelope.
    public static QmpException NotAnObject() => new("QMP input must be a JSON object");

    public static QmpException LacksExecute() => new("QMP input lacks member 'execute'");

    public static QmpException MemberUnexpected(string name) => new($"QMP input member '{name}' is unexpected");

    public static QmpException MemberNotAString(string name) => new($"QMP input member '{name}' must be a string");

    public static QmpException ArgumentsNotAnObject() => new("QMP input member 'arguments' must be an object");

    public static QmpException ExecuteClash() => new("QMP input member 'execute' clashes with 'exec-oob'");

    // Finding the command.
    public static QmpException ExpectingNegotiation() =>
        new(QmpErrorClass.CommandNotFound, "Expecting capabilities negotiation with 'qmp_capabilities'");

    public static QmpException AlreadyNegotiated() =>
        new(QmpErrorClass.CommandNotFound, "Capabilities negotiation is already complete, command ignored");

    public static QmpException CommandNotFound(string name) =>
        new(QmpErrorClass.CommandNotFound, $"The command {name} has not been found");

    public static QmpException NoOob(string name) => new($"The command {name} does not support OOB");

    /// <summary>Ours: QEMU has no read-only monitors.</summary>
    public static QmpException ReadOnlySocket(string name) =>
        new($"The command {name} is not allowed on this socket (readonly=on), use another one");

    // Arguments.
    public static QmpException Missing(string name) => new($"Parameter '{name}' is missing");

    public static QmpException Unexpected(string name) => new($"Parameter '{name}' is unexpected");

    /// <summary>A key on the command line that the option does not have.</summary>
    public static QmpException Invalid(string name) => new($"Invalid parameter '{name}'");

    public static QmpException WrongType(string name, string expected) =>
        new($"Invalid parameter type for '{name}', expected: {expected}");

    public static QmpException Expects(string name, string expected) => new($"Parameter '{name}' expects {expected}");

    public static QmpException ValueRefused(string name, string value) => new($"Parameter '{name}' does not accept value '{value}'");
}
