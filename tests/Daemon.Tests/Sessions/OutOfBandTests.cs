using Hostmemd.Commands;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

/// <summary>The daemon's own out-of-band command beside a command that the test holds.</summary>
public sealed class OutOfBandTests
{
    [Fact]
    public async Task Query_yank_overtakes_one_running_and_seven_waiting_commands()
    {
        var hold = new TaskCompletionSource();
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), "-accel none");
        var client = await ConnectAsync(guest, hold.Task);

        await client.SendAsync(Held + Waiting(7) + """{"exec-oob": "query-yank", "id": "oob"}""");

        await client.ExpectAsync("""{"return": [], "id": "oob"}""");
        hold.SetResult();
        await client.ExpectAsync("""{"return": {}, "id": "held"}""");
        await ExpectWaitingAsync(client, 7);
    }

    [Fact]
    public async Task Behind_eight_waiting_commands_query_yank_waits_for_the_running_one()
    {
        var hold = new TaskCompletionSource();
        await using var guest = await InProcessGuest.StartAsync(new FakeKernel(), "-accel none");
        var client = await ConnectAsync(guest, hold.Task);

        // One write. The first answer leaves when the session has stopped reading: had it read the last request, that would be answered next.
        await client.SendAsync(
            """{"exec-oob": "query-yank", "id": "marker"}""" + Held + Waiting(8) + """{"exec-oob": "query-yank", "id": "oob"}""");
        await client.ExpectAsync("""{"return": [], "id": "marker"}""");
        hold.SetResult();
        await client.ExpectAsync("""{"return": {}, "id": "held"}""");

        // Read once there was room, it is answered somewhere among those that waited.
        List<string> order = [];
        for (var i = 0; i < 9; i++)
            order.Add((await client.ReceiveAsync()).GetProperty("id").ToString());
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7"], order.Where(id => id != "oob"));
        Assert.Contains("oob", order);
    }

    private const string Held = """{"execute": "test-hold", "id": "held"}""";

    private static string Waiting(int count) =>
        string.Concat(Enumerable.Range(0, count).Select(id => $$"""{"execute": "query-name", "id": {{id}}}"""));

    private static async Task ExpectWaitingAsync(QmpClient client, int count)
    {
        for (var id = 0; id < count; id++)
            await client.ExpectAsync($$"""{"return": {}, "id": {{id}}}""");
    }

    private static async Task<QmpClient> ConnectAsync(InProcessGuest guest, Task hold)
    {
        var held = new Command<Client, Nothing, Nothing>("test-hold", "Waits for the test.", Shapes.Struct, async (_, _) =>
        {
            await hold;
            return Nothing.Value;
        });
        var client = await guest.ConnectAsync(commands: new CommandTable<Client>([.. CommandList.Create().Commands, held]), enableOob: true);
        return client;
    }
}
