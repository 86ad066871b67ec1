using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Session;

/// <summary>A request's outer members, checked: which command, with which arguments.</summary>
internal readonly record struct QmpEnvelope(string Command, JsonObject Arguments)
{
    private static readonly JsonObject NoArguments = new();

    /// <exception cref="QmpException">What is wrong, in QEMU 11.1.3's words; of several strangers the first.</exception>
    public static QmpEnvelope Open(JsonReading reading, bool oobEnabled)
    {
        if (reading.Error is not null)
            throw new QmpException(reading.Error);
        if (reading.Value is not JsonObject request)
            throw ProtocolErrors.NotAnObject();
        foreach (var (name, _) in request.Members)
            if (name is not ("execute" or "arguments" or "id") && !(oobEnabled && name == "exec-oob"))
                throw ProtocolErrors.MemberUnexpected(name);
        var command = CommandName(request, "execute");
        var outOfBand = CommandName(request, "exec-oob");
        if (command is not null && outOfBand is not null)
            throw ProtocolErrors.ExecuteClash();
        var arguments = NoArguments;
        if (request.TryGet("arguments", out var given))
            arguments = given as JsonObject ?? throw ProtocolErrors.ArgumentsNotAnObject();
        return new QmpEnvelope(command ?? outOfBand ?? throw ProtocolErrors.LacksExecute(), arguments);
    }

    private static string? CommandName(JsonObject request, string member) =>
        request.TryGet(member, out var value)
            ? (value as JsonString)?.Value ?? throw ProtocolErrors.MemberNotAString(member)
            : null;
}
