using System.Diagnostics;
using Hostmemd.Jobs;
using Xunit;

namespace Hostmemd.Daemon.Tests.Jobs;

/// <summary>memory-backend-prealloc from its first event to its last, with the real helper process.</summary>
public sealed class JobTests : IAsyncLifetime
{
    private const long MiB = 1 << 20;
    private const long Page = 4096;

    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        _client = await _guest.ConnectAsync();
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Theory]
    [InlineData(64)] // by a helper process
    [InlineData(8)] // in this one
    public async Task A_job_populates_all_of_a_backend(int size)
    {
        await _client.AddMemfdAsync("m", size * MiB);
        Assert.False(await _client.IsPreallocAsync("m"));

        await _client.StartJobAsync("j", "m");
        await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded");

        await _client.ExchangeAsync(
            """{"execute": "query-jobs"}""",
            $$"""{"return": [{"id": "j", "type": "memory-prealloc", "status": "concluded", "current-progress": {{size * MiB}}, "total-progress": {{size * MiB}} }]}""");
        Assert.Equal(size * MiB, await PopulatedAsync("m"));
        Assert.True(await _client.IsPreallocAsync("m"));
        await _client.VerbAsync("dismiss", "j", "null");
        await _client.ExchangeAsync("""{"execute": "query-jobs"}""", """{"return": []}""");
        await _client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", JobClient.Done);
    }

    [Fact]
    public async Task Who_subscribed_is_told_of_the_progress_and_of_the_last_before_the_job_concludes()
    {
        var watcher = await _guest.ConnectAsync();
        await watcher.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_BACKEND_PROGRESS"]}}""", """{"return": "$any"}""");
        await _client.AddMemfdAsync("m", 96 * MiB);
        await _client.StartJobAsync("j", "m", $", \"speed\": {160 * MiB}");
        await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded");

        await watcher.ExpectStatesAsync("j", "created", "running");
        var told = new List<long>();
        while (await watcher.ReceiveAsync() is var message && message.GetProperty("event").GetString() == "MEMORY_BACKEND_PROGRESS")
            told.Add(message.GetProperty("data").GetProperty("current-progress").GetInt64());

        Assert.InRange(told.Count, 3, 30);
        Assert.Equal(told.Distinct().Order(), told);
        Assert.Equal(96 * MiB, told[^1]);
        await watcher.ExpectStatesAsync("j", "pending", "concluded");
    }

    [Fact]
    public async Task Anonymous_memory_is_populated_by_a_job_too()
    {
        await _client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m", "size": 83886080}}""", JobClient.Done);

        await _client.StartJobAsync("j", "/objects/m", ", \"threads\": 2, \"auto-dismiss\": true");
        await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded", "null");

        Assert.Equal(80 * MiB, await PopulatedAsync("m"));
        await _client.ExchangeAsync("""{"execute": "query-jobs"}""", """{"return": []}""");
    }

    [Fact]
    public async Task A_part_is_populated_and_nothing_beside_it_and_all_parts_are_all()
    {
        await _client.AddMemfdAsync("m", 64 * MiB);

        await _client.StartJobAsync("middle", "m", $", \"offset\": {8 * MiB}, \"length\": {20 * MiB}");
        await _client.ExpectStatesAsync("middle", "waiting", "pending", "concluded");
        Assert.Equal(20 * MiB, await PopulatedAsync("m"));
        await _client.StartJobAsync("start", "m", $", \"length\": {8 * MiB}");
        await _client.ExpectStatesAsync("start", "waiting", "pending", "concluded");
        Assert.False(await _client.IsPreallocAsync("m"));
        await _client.StartJobAsync("end", "m", $", \"offset\": {28 * MiB}");
        await _client.ExpectStatesAsync("end", "waiting", "pending", "concluded");

        Assert.Equal(64 * MiB, await PopulatedAsync("m"));
        Assert.True(await _client.IsPreallocAsync("m"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancelling_takes_no_fifty_milliseconds_and_keeps_what_is_populated(bool anonymous)
    {
        // More than can be populated before it is cancelled.
        const long size = 4096 * MiB;
        var type = anonymous ? "ram" : "memfd";
        await MeasuredRounds.WithinAsync(TimeSpan.FromMilliseconds(50), async () =>
        {
            await _client.ExchangeAsync(
                $$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-{{type}}", "id": "m", "size": {{size}} } }""", JobClient.Done);
            await _client.StartJobAsync("j", "m");
            await _client.ProgressedAsync("j");

            var start = Stopwatch.GetTimestamp();
            await _client.VerbAsync("cancel", "j", "aborting", "concluded");
            var took = Stopwatch.GetElapsedTime(start);

            var info = await _client.JobAsync("j");
            Assert.Equal("Operation canceled", info.GetProperty("error").GetString());
            Assert.InRange(info.Progress(), MiB, size - 1);
            Assert.InRange(await PopulatedAsync("m"), info.Progress(), size - 1);
            Assert.False(await _client.IsPreallocAsync("m"));
            await _client.VerbAsync("dismiss", "j", "null");
            await _client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", JobClient.Done);
            return took;
        });
    }

    [Theory]
    [InlineData("memfd")]
    [InlineData("ram")]
    public async Task A_paused_job_does_nothing_until_it_is_resumed(string type)
    {
        await _client.ExchangeAsync(
            $$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-{{type}}", "id": "m", "size": {{512 * MiB}} } }""", JobClient.Done);
        await _client.StartJobAsync("j", "m", $", \"speed\": {400 * MiB}");
        await _client.ProgressedAsync("j");

        await _client.VerbAsync("pause", "j", "paused");
        var (progress, populated) = ((await _client.JobAsync("j")).Progress(), await PopulatedAsync("m"));
        await _client.ExchangeAsync(JobClient.Verb("pause", "j"), JobClient.Error("Job is already paused"));
        await _client.ExchangeAsync(
            JobClient.Verb("dismiss", "j"), JobClient.Error("Job 'j' in state 'paused' cannot accept command verb 'dismiss'"));
        await Task.Delay(100);

        Assert.Equal((progress, populated), ((await _client.JobAsync("j")).Progress(), await PopulatedAsync("m")));
        await _client.VerbAsync("resume", "j", "running");
        await _client.ExchangeAsync(JobClient.Verb("resume", "j"), JobClient.Error("Can't resume a job that was not paused"));
        await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded");
        Assert.Equal(512 * MiB, await PopulatedAsync("m"));
    }

    [Fact]
    public async Task A_job_that_is_cancelled_while_paused_runs_again_before_it_aborts()
    {
        await _client.AddMemfdAsync("m", 512 * MiB);
        await _client.StartJobAsync("j", "m", ", \"speed\": 1048576");
        await _client.VerbAsync("pause", "j", "paused");

        await _client.VerbAsync("cancel", "j", "running", "aborting", "concluded");

        await _client.ExchangeAsync(
            JobClient.Verb("cancel", "j"), JobClient.Error("Job 'j' in state 'concluded' cannot accept command verb 'cancel'"));
        await _client.ExchangeAsync(
            JobClient.Verb("pause", "j"), JobClient.Error("Job 'j' in state 'concluded' cannot accept command verb 'pause'"));
        await _client.ExchangeAsync(JobClient.Verb("resume", "j"), JobClient.Error("Can't resume a job that was not paused"));
    }

    [Fact]
    public async Task A_job_keeps_to_its_speed()
    {
        await _client.AddMemfdAsync("m", 48 * MiB);
        var clock = Stopwatch.StartNew();

        await _client.StartJobAsync("j", "m", $", \"speed\": {80 * MiB}");
        await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded");

        // A tenth of a second's bytes are free at the start.
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.5, QmpClient.Patience.TotalSeconds);
    }

    [Fact]
    public async Task A_backend_that_a_job_works_on_cannot_be_removed_and_ids_are_taken_until_dismissed()
    {
        await _client.AddMemfdAsync("m", 64 * MiB);
        await _client.StartJobAsync("j", "m", ", \"speed\": 1048576");

        await _client.ExchangeAsync(
            """{"execute": "object-del", "arguments": {"id": "m"}}""", JobClient.Error("memory backend 'm' is used by job 'j'"));
        await _client.ExchangeAsync(JobClient.Prealloc("j", "m"), JobClient.Error("Job ID 'j' already in use"));
        await _client.ExchangeAsync(
            JobClient.Verb("dismiss", "j"), JobClient.Error("Job 'j' in state 'running' cannot accept command verb 'dismiss'"));
        await _client.VerbAsync("cancel", "j", "aborting", "concluded");
        await _client.ExchangeAsync(JobClient.Prealloc("j", "m"), JobClient.Error("Job ID 'j' already in use"));

        await _client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", JobClient.Done);
        await _client.VerbAsync("dismiss", "j", "null");
    }

    [Fact]
    public async Task Jobs_are_the_guests_a_client_that_leaves_ends_none_and_others_see_and_end_it()
    {
        var maker = await _guest.ConnectAsync();
        await maker.AddMemfdAsync("m", 64 * MiB);
        await maker.StartJobAsync("j", "m", ", \"speed\": 1048576");
        await _client.ExpectStatesAsync("j", "created", "running");

        await maker.DisposeAsync();

        Assert.Equal("running", (await _client.JobAsync("j")).GetProperty("status").GetString());
        await _client.ProgressedAsync("j", (await _client.JobAsync("j")).Progress());
        await _client.VerbAsync("cancel", "j", "aborting", "concluded");
    }

    [Fact]
    public async Task The_newest_job_comes_first_and_there_are_no_more_than_the_limit()
    {
        await _client.AddMemfdAsync("m", MiB);
        for (var i = 0; i < JobTable.Limit; i++)
        {
            await _client.StartJobAsync($"j{i}", "m");
            await _client.ExpectStatesAsync($"j{i}", "waiting", "pending", "concluded");
        }

        await _client.ExchangeAsync(
            JobClient.Prealloc("one-more", "m"), JobClient.Error("There are 64 jobs, which is the limit; dismiss one that has concluded"));

        var jobs = (await _client.AskAsync("""{"execute": "query-jobs"}""")).GetProperty("return");
        Assert.Equal(
            Enumerable.Range(0, JobTable.Limit).Select(i => $"j{JobTable.Limit - 1 - i}"),
            jobs.EnumerateArray().Select(job => job.GetProperty("id").GetString()));
    }

    [Theory]
    [InlineData("1j", "m", "", "Invalid job ID '1j'")]
    [InlineData("", "m", "", "Invalid job ID ''")]
    [InlineData("j", "m", ", \"offset\": 1", "Parameter 'offset' expects a multiple of the page size 4096")]
    [InlineData("j", "m", ", \"offset\": 1048576", "Parameter 'offset' expects a value from 0 to 1044480")]
    [InlineData("j", "m", ", \"offset\": 18446744073709547520", "Parameter 'offset' expects a value from 0 to 1044480")]
    [InlineData("j", "m", ", \"length\": 5000", "Parameter 'length' expects a multiple of the page size 4096")]
    [InlineData("j", "m", ", \"length\": 0", "Parameter 'length' expects a value from 4096 to 1048576")]
    [InlineData("j", "m", ", \"offset\": 4096, \"length\": 1048576", "Parameter 'length' expects a value from 4096 to 1044480")]
    [InlineData("j", "m", ", \"length\": 18446744073709547520", "Parameter 'length' expects a value from 4096 to 1048576")]
    [InlineData("j", "m", ", \"threads\": 0", "Parameter 'threads' expects a value from 1 to 4294967295")]
    [InlineData("j", "unreserved", "", "'prealloc=on' and 'reserve=off' are incompatible")]
    public async Task What_does_not_fit_is_refused_and_no_job_is_made(string job, string memdev, string more, string text)
    {
        await _client.AddMemfdAsync("m", MiB);
        await _client.AddMemfdAsync("unreserved", MiB, ", \"reserve\": false");

        await _client.ExchangeAsync(JobClient.Prealloc(job, memdev, more), JobClient.Error(text));

        await _client.ExchangeAsync("""{"execute": "query-jobs"}""", """{"return": []}""");
        await _client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", JobClient.Done);
    }

    [Fact]
    public async Task A_backend_that_is_not_there_is_not_found()
    {
        await _client.ExchangeAsync(
            JobClient.Prealloc("j", "none"), """{"error": {"class": "DeviceNotFound", "desc": "Device 'none' not found"}}""");
    }

    [Fact]
    public async Task More_than_the_host_has_is_refused_by_the_length_that_is_asked_for()
    {
        await _client.AddMemfdAsync("m", 1L << 46, ", \"seal\": false");
        var reply = await _client.AskAsync(JobClient.Prealloc("j", "m"));
        Assert.StartsWith(
            "'length' 70368744177664 is beyond ", reply.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);

        await _client.StartJobAsync("j", "m", $", \"offset\": {1L << 45}, \"length\": {Page}");
        await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded");
    }

    [Fact]
    public async Task Read_only_clients_see_jobs_and_can_do_nothing_to_them()
    {
        await _client.AddMemfdAsync("m", MiB);
        await _client.StartJobAsync("j", "m", ", \"speed\": 4096");
        var watcher = await _guest.ConnectAsync(readOnly: true);

        Assert.Equal("running", (await watcher.JobAsync("j")).GetProperty("status").GetString());
        foreach (var verb in new[] { "pause", "resume", "cancel", "dismiss" })
            Assert.True((await watcher.AskAsync(JobClient.Verb(verb, "j"))).TryGetProperty("error", out _));
        Assert.True((await watcher.AskAsync(JobClient.Prealloc("k", "m"))).TryGetProperty("error", out _));

        await _client.VerbAsync("cancel", "j", "aborting", "concluded");
    }

    private async Task<long> PopulatedAsync(string memdev) =>
        (await _client.AskAsync($$"""{"execute": "query-memory-usage", "arguments": {"memdev": "{{memdev}}"} }"""))
            .GetProperty("return").GetProperty("total-resident").GetInt64();
}
