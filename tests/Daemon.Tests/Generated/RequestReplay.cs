using System.Text.Json;

namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>Sends generated requests on one session and removes what they made.</summary>
internal sealed class RequestReplay(QmpClient client, ScratchFolder scratch)
{
    /// <summary>What QEMU has there and no client can remove.</summary>
    private const string Monitor = "compat_monitor0";

    /// <summary>The replies to one group, one each, with the scratch folder's path replaced again.</summary>
    public async Task<IReadOnlyList<string>> RunAsync(IEnumerable<string> group)
    {
        scratch.Fill();
        var replies = new List<string>();
        foreach (var request in group)
            replies.Add(await AskAsync(request));
        await RemoveAllAsync();
        return replies;
    }

    private async Task<string> AskAsync(string request)
    {
        try
        {
            var reply = await client.AskAsync(request.Replace(MemberValues.Directory, scratch.Path, StringComparison.Ordinal));
            return reply.GetRawText().Replace(scratch.Path, MemberValues.Directory, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is EndOfStreamException or IOException or TimeoutException or JsonException)
        {
            throw new InvalidDataException($"no answer to {request}: {e.Message}", e);
        }
    }

    /// <summary>A thread-context stays as long as a backend refers to it, so the last goes first.</summary>
    private async Task RemoveAllAsync()
    {
        var objects = await client.AskAsync("""{"execute": "qom-list", "arguments": {"path": "/objects"}}""");
        var ids = objects.GetProperty("return").EnumerateArray()
            .Where(entry => entry.GetProperty("type").GetString()!.StartsWith("child<", StringComparison.Ordinal))
            .Select(entry => entry.GetProperty("name").GetString()!)
            .Where(id => id != Monitor)
            .OrderBy(id => id == "t");
        foreach (var id in ids)
        {
            var reply = await client.AskAsync($$$"""{"execute": "object-del", "arguments": {"id": "{{{id}}}"} }""");
            if (!reply.TryGetProperty("return", out _))
                throw new InvalidDataException($"{id} stays: {reply.GetRawText()}");
        }
    }
}
