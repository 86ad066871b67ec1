using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Hostmemd.Daemon.Tests.Processes.Upgrades;

/// <summary>migrate with mode cpr-exec, as a client gives it.</summary>
internal static class Upgrade
{
    public const string Done = """{"return": {}}""";

    /// <summary>Names the program and the arguments; -qmp is added.</summary>
    public static Task ChooseAsync(DaemonFixture daemon, QmpClient client, string options) =>
        ChooseAsync(client, [DaemonFixture.Program, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), "-qmp", $"unix:{daemon.Socket}"]);

    public static Task ChooseAsync(QmpClient client, IEnumerable<string> command)
    {
        var list = string.Join(", ", command.Select(part => $"\"{JsonEncodedText.Encode(part)}\""));
        return client.ExchangeAsync(
            """{"execute": "migrate-set-parameters", "arguments": {"mode": "cpr-exec", "cpr-exec-command": [""" + list + "]}}", Done);
    }

    public static async Task RunAsync(DaemonFixture daemon, QmpClient client, string options)
    {
        await ChooseAsync(daemon, client, options);
        await RunAsync(client);
    }

    /// <summary>The chosen program goes on, asked again where a machine that stood still was too slow for the daemon's patience.</summary>
    public static async Task RunAsync(QmpClient client)
    {
        var reply = "";
        await Eventually.TrueAsync(
            async () =>
            {
                reply = (await client.AskAsync("""{"execute": "migrate", "id": "up"}""")).GetRawText();
                return !reply.Contains("try again", StringComparison.Ordinal);
            },
            () => reply);
        Assert.True(reply == """{"return": {}, "id": "up"}""", reply);
    }

    /// <summary>It is refused, in words that contain these.</summary>
    public static async Task RefusedAsync(QmpClient client, string words)
    {
        var reply = await client.AskAsync("""{"execute": "migrate"}""");
        Assert.Contains(words, reply.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
    }

    /// <summary>How many descriptors the process has open.</summary>
    public static int DescriptorsOf(DaemonFixture daemon) =>
        Directory.GetFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{daemon.Pid}/fd")).Length;
}
