using System.Text.Json;

namespace Hostmemd.Daemon.Tests.Jobs;

/// <summary>What the tests of jobs say to a daemon again and again.</summary>
internal static class JobClient
{
    public const string Done = """{"return": {}}""";

    public static string Event(string job, string status) =>
        $$"""{"timestamp": "$timestamp", "event": "JOB_STATUS_CHANGE", "data": {"id": "{{job}}", "status": "{{status}}"} }""";

    public static string Error(string text) => $$"""{"error": {"class": "GenericError", "desc": "{{text}}"} }""";

    public static string Verb(string verb, string job) => $$"""{"execute": "job-{{verb}}", "arguments": {"id": "{{job}}"} }""";

    /// <param name="more">Further members, each with a comma before it.</param>
    public static string Prealloc(string job, string memdev, string more = "") =>
        $$"""{"execute": "memory-backend-prealloc", "arguments": {"job-id": "{{job}}", "memdev": "{{memdev}}"{{more}} } }""";

    public static Task AddMemfdAsync(this QmpClient client, string id, long size, string more = "") => client.ExchangeAsync(
        $$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{id}}", "size": {{size}}{{more}} } }""", Done);

    /// <summary>Makes a job; created and running come before the reply.</summary>
    public static async Task StartJobAsync(this QmpClient client, string job, string memdev, string more = "")
    {
        await client.SendAsync(Prealloc(job, memdev, more));
        await client.ExpectAsync(Event(job, "created"));
        await client.ExpectAsync(Event(job, "running"));
        await client.ExpectAsync(Done);
    }

    /// <summary>The states that are told of next, one after the other.</summary>
    public static async Task ExpectStatesAsync(this QmpClient client, string job, params string[] states)
    {
        foreach (var state in states)
            await client.ExpectAsync(Event(job, state));
    }

    /// <summary>Sends a verb; the states it causes come before its reply.</summary>
    public static async Task VerbAsync(this QmpClient client, string verb, string job, params string[] states)
    {
        await client.SendAsync(Verb(verb, job));
        await client.ExpectStatesAsync(job, states);
        await client.ExpectAsync(Done);
    }

    /// <summary>One job in query-jobs.</summary>
    public static async Task<JsonElement> JobAsync(this QmpClient client, string job) =>
        (await client.AskAsync("""{"execute": "query-jobs"}""")).GetProperty("return").EnumerateArray().Single(info => info.GetProperty("id").GetString() == job);

    public static long Progress(this JsonElement info) => info.GetProperty("current-progress").GetInt64();

    /// <summary>Waits until a job has got somewhere.</summary>
    public static async Task ProgressedAsync(this QmpClient client, string job, long beyond = 0)
    {
        var end = TimeProvider.System.GetUtcNow() + QmpClient.Patience;
        while ((await client.JobAsync(job)).Progress() <= beyond)
        {
            if (TimeProvider.System.GetUtcNow() > end)
                throw new TimeoutException($"job {job} does not get beyond {beyond}");
            await Task.Delay(2);
        }
    }

    public static async Task<bool> IsPreallocAsync(this QmpClient client, string memdev) =>
        (await client.AskAsync($$"""{"execute": "qom-get", "arguments": {"path": "{{memdev}}", "property": "prealloc"} }""")).GetProperty("return").GetBoolean();
}
