using System.Text.Json;

namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>A line of requests.jsonl: a request and QEMU's reply to it.</summary>
/// <param name="Line">From 1; differences.txt names it by this.</param>
/// <param name="Group">Requests of one group run in order on one session.</param>
internal sealed record RecordedRequest(int Line, int Group, string Request, string Reply)
{
    public static IReadOnlyList<RecordedRequest> Load(string path) => [.. File.ReadLines(path).Select((text, index) =>
    {
        using var line = JsonDocument.Parse(text);
        return new RecordedRequest(
            index + 1,
            line.RootElement.GetProperty("group").GetInt32(),
            line.RootElement.GetProperty("request").GetRawText(),
            line.RootElement.GetProperty("reply").GetRawText());
    })];

    public static void Save(string path, IEnumerable<RecordedRequest> requests) => File.WriteAllLines(
        path, requests.Select(request => $$"""{"group": {{request.Group}}, "request": {{request.Request}}, "reply": {{request.Reply}}}"""));
}
