using System.Diagnostics;
using System.Globalization;
using Hostmemd.Daemon.Tests.Keeping;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Processes.Upgrades;

/// <summary>Fifty clients that never stop asking, over one upgrade after another.</summary>
public sealed class UpgradeLoadTests(ITestOutputHelper output)
{
    private const int Clients = 50;

    /// <summary>Answers after which a client has begun.</summary>
    private const int Warmed = 200;

    /// <summary>A program that compiles as it starts takes a second for each on a busy machine; the one that ships takes 20 ms.</summary>
    private static readonly int Upgrades = Environment.GetEnvironmentVariable("HOSTMEMD_PROGRAM") is null ? 4 : 20;

    private bool _isMeasured;

    [Fact]
    public async Task Each_request_is_answered_once_and_in_order()
    {
        const string options = "-machine q35 -m 0,slots=8,maxmem=8G";
        await using var folder = new KeptFolder();
        await using var daemon = await folder.StartAsync(options);
        using var stop = new CancellationTokenSource();
        await using var asking = await daemon.ConnectAsync();
        await SuccessorTests.AddAsync(asking, """{"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152}""");
        using var warm = new CountdownEvent(Clients);
        var clients = Enumerable.Range(0, Clients).Select(number => Task.Run(() => AskAsync(daemon, number, warm, stop.Token))).ToList();
        // This process compiles too, as it begins.
        await Eventually.TrueAsync(() => warm.IsSet, () => $"{warm.CurrentCount} clients have not begun");
        await Task.Delay(200);
        Volatile.Write(ref _isMeasured, true);
        var took = new List<double>();
        for (var i = 0; i < Upgrades; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await Upgrade.RunAsync(daemon, asking, options);
            took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await Task.Delay(50);
        }
        await stop.CancelAsync();
        var done = await Task.WhenAll(clients);

        took.Sort();
        var pauses = done.Select(client => client.LongestPause.TotalMilliseconds).Order().ToList();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Upgrades} upgrades, {Clients} clients, {done.Sum(client => client.Answers)} answers: an upgrade took {took[took.Count / 2]:0} ms, at most "
            + $"{took[^1]:0}; the longest pause of a client {pauses[pauses.Count / 2]:0} ms (median), {pauses[^1]:0} ms (worst)"));
        Assert.All(done, client => Assert.True(client.Answers > 0));
    }

    /// <summary>Sends numbered requests, up to sixteen ahead and now and then cut in two, and looks at each answer.</summary>
    private async Task<(int Answers, TimeSpan LongestPause)> AskAsync(
        DaemonFixture daemon, int number, CountdownEvent warm, CancellationToken stop)
    {
        await using var client = await daemon.ConnectAsync();
        var random = new Random(number);
        var (sent, answered, longest) = (0, 0, TimeSpan.Zero);
        var last = Stopwatch.GetTimestamp();
        while (!stop.IsCancellationRequested || answered < sent)
        {
            if (!stop.IsCancellationRequested)
            {
                var ahead = random.Next(1, 17);
                var text = string.Join('\n', Enumerable.Range(sent, ahead).Select(id => $$"""{"execute": "query-status", "id": {{id}}}"""));
                sent += ahead;
                var cut = random.Next(text.Length);
                await client.SendPartAsync(text[..cut]);
                await client.SendAsync(text[cut..]);
            }
            while (answered < sent)
            {
                var reply = await client.ReceiveAsync();
                if (answered == Warmed)
                    warm.Signal();
                longest = !Volatile.Read(ref _isMeasured) ? default : TimeSpan.FromTicks(Math.Max(longest.Ticks, Stopwatch.GetElapsedTime(last).Ticks));
                last = Stopwatch.GetTimestamp();
                Assert.Equal(answered++, reply.GetProperty("id").GetInt32());
                Assert.True(reply.TryGetProperty("return", out _));
            }
            await Task.Delay(1, CancellationToken.None);
        }
        return (answered, longest);
    }
}
