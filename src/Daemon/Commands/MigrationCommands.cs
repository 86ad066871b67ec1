using Hostmemd.Api;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Going on as another program, in QEMU's words for it.</summary>
internal static class MigrationCommands
{
    public static Nothing SetParameters(Client client, MigrateSetParametersArguments arguments)
    {
        if (arguments.Command?.Any(part => part.Contains('\0', StringComparison.Ordinal)) == true)
            throw new QmpException("Parameter 'cpr-exec-command' expects arguments of a program, which have no zero byte");
        var guest = client.Guest;
        guest.Owned(_ => guest.Migration = new MigrateSetParametersArguments
        {
            Mode = arguments.Mode ?? guest.Migration.Mode,
            Command = arguments.Command ?? guest.Migration.Command,
        });
        return Nothing.Value;
    }

    /// <summary>Answered by the program that goes on; an error is this one's.</summary>
    public static async ValueTask<Nothing> MigrateAsync(Client client, MigrateArguments arguments)
    {
        var guest = client.Guest;
        var wanted = guest.Owned(_ => guest.Migration);
        if (wanted.Mode != MigrationMode.CprExec)
            throw new QmpException("Memory goes nowhere from here but to another program in this process: set 'mode' to 'cpr-exec'");
        if (arguments.Uri is { } uri && !uri.StartsWith("file:", StringComparison.Ordinal))
            throw new QmpException("Parameter 'uri' expects a file:PATH with mode 'cpr-exec', or is left out");
        if (wanted.Command is not { Count: > 0 } command)
            throw new QmpException("cpr-exec mode requires setting cpr-exec-command");
        if (guest.Cpr is not { } cpr)
            throw new QmpException("This process cannot go on as another program");
        await cpr.RunAsync(client, command).ConfigureAwait(false);
        return Nothing.Value;
    }
}
