using System.Text.Json.Nodes;

namespace Hostmemd.QmpShell.Tests;

/// <summary>Completion within the brackets of a transaction. hostmemd has none: QEMU, and a server that says it has.</summary>
public sealed class TransactionTests
{
    private const string Prompt = "(QEMU) ";
    private const string Continued = "TRANS> ";
    private const string Tab = "\t";
    private const string CtrlC = "\x03";

    private const string Schema = """
        [{"name": "transaction", "meta-type": "command", "arg-type": "a", "ret-type": "none"},
         {"name": "query-name", "meta-type": "command", "arg-type": "none", "ret-type": "none"},
         {"name": "a", "meta-type": "object", "members": [{"name": "actions", "type": "[action]"}]},
         {"name": "[action]", "meta-type": "array", "element-type": "action"},
         {"name": "action", "meta-type": "object", "tag": "type", "members": [{"name": "type", "type": "kind"}],
          "variants": [{"case": "abort", "type": "of-abort"}, {"case": "blockdev-snapshot-sync", "type": "of-snapshot"}]},
         {"name": "kind", "meta-type": "enum", "values": ["abort", "blockdev-snapshot-sync"]},
         {"name": "of-abort", "meta-type": "object", "members": [{"name": "data", "type": "none"}]},
         {"name": "of-snapshot", "meta-type": "object", "members": [{"name": "data", "type": "snapshot"}]},
         {"name": "snapshot", "meta-type": "object", "members": [{"name": "device", "type": "str", "default": null},
          {"name": "snapshot-file", "type": "str"}, {"name": "mode", "type": "mode", "default": null}]},
         {"name": "mode", "meta-type": "enum", "values": ["existing", "absolute-paths"]},
         {"name": "none", "meta-type": "object", "members": []},
         {"name": "str", "meta-type": "builtin", "json-type": "string"}]
        """;

    [Fact]
    public async Task Tab_knows_actions_and_their_arguments()
    {
        using var server = new ScriptedServer();
        Task serving = server.ServeAsync(AnswerAsync);
        using (TerminalShell shell = TerminalShell.Start(server.SocketPath))
            await CompleteAsync(shell);
        await serving;
    }

    [QemuFact]
    public async Task Tab_knows_those_of_QEMU()
    {
        await using ServerProcess server = await Servers.StartQemuAsync();
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await CompleteAsync(shell);
    }

    private static async Task CompleteAsync(TerminalShell shell)
    {
        await shell.ShowsAsync(Prompt);
        shell.Type("transaction( ab" + Tab);
        await shell.ShowsAsync(Prompt + "transaction( abort ");
        shell.Type(CtrlC);
        await shell.ShowsAsync(Prompt);
        shell.Type("transaction(\r");
        await shell.ShowsAsync(Continued);

        shell.Type("blockdev-snapshot-sy" + Tab);
        await shell.ShowsAsync(Continued + "blockdev-snapshot-sync ");
        shell.Type("dev" + Tab);
        await shell.ShowsAsync(Continued + "blockdev-snapshot-sync device=");
        shell.Type("d0 mode=ab" + Tab);
        await shell.ShowsAsync(Continued + "blockdev-snapshot-sync device=d0 mode=absolute-paths ");
        shell.Type("snapshot-f" + Tab + "x\r");
        await shell.HasAsync(Continued + "blockdev-snapshot-sync device=d0 mode=absolute-paths snapshot-file=x");
        await shell.ShowsAsync(Continued);

        // A command of the server is no action.
        shell.Type("query-na" + Tab + "!");
        await shell.ShowsAsync(Continued + "query-na!");
    }

    private static async Task AnswerAsync(Stream client)
    {
        await ScriptedServer.WriteAsync(client, """{"QMP": {}}""" + "\n");
        while (await ScriptedServer.ReadLineAsync(client) is { Length: > 0 } line)
        {
            JsonNode request = JsonNode.Parse(line)!;
            var answer = new JsonObject
            {
                ["return"] = (string?)request["execute"] == "query-qmp-schema" ? JsonNode.Parse(Schema) : new JsonObject(),
                ["id"] = request["id"]?.DeepClone(),
            };
            await ScriptedServer.WriteAsync(client, answer.ToJsonString() + "\n");
        }
    }
}
