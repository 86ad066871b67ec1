using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hostmemd.Daemon.Tests.Processes;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>What a daemon has said that it has: every answered command counts, the one that nobody answered may count or not.</summary>
internal sealed class CrashModel
{
    private sealed record Entry(string Type, uint Threads, string? Dimm, byte[]? Nonce);

    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Random _random;
    private int _next;
    private (string Id, Entry? After)? _pending;

    public CrashModel(int seed) => _random = new Random(seed);

    public int KeptCount => _entries.Values.Count(IsKept);

    public string? AnyKept() => Pick(entry => IsKept(entry.Value) && entry.Value.Nonce is not null)?.Key;

    /// <summary>Sends one random command and takes note of its answer. What the daemon dies over stays pending.</summary>
    public async Task StepAsync(QmpClient client, DaemonFixture daemon, Func<string, bool> isBorrowed)
    {
        var free = Pick(entry => !isBorrowed(entry.Key));
        var chance = _random.Next(100);
        if (_entries.Count < 3 || (chance < 35 && _entries.Count < 12))
            await AddAsync(client, daemon);
        else if (chance < 50 && free is { Value.Dimm: null } deleted)
            await SendAsync(client, deleted.Key, null, $$"""{"execute": "object-del", "arguments": {"id": "{{deleted.Key}}"} }""");
        else if (chance < 70 && free is { Value.Dimm: null } plugged)
            await SendAsync(
                client, plugged.Key, plugged.Value with { Dimm = "d-" + plugged.Key },
                $$$"""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d-{{{plugged.Key}}}", "memdev": "{{{plugged.Key}}}"} }""");
        else if (chance < 85 && Pick(entry => entry.Value.Dimm is not null) is { } unplugged)
            await SendAsync(
                client, unplugged.Key, unplugged.Value with { Dimm = null }, $$"""{"execute": "device_del", "arguments": {"id": "{{unplugged.Value.Dimm}}"} }""");
        else if (Pick(_ => true) is { } changed)
            await SetAsync(client, changed);
    }

    /// <summary>The daemon has what it must have, no more and no less; what was pending is decided.</summary>
    /// <param name="isSuccessor">The daemon that gave the answers was killed: private memory is lost.</param>
    /// <param name="isLost">Of what can be kept: it was with daemon and keeper alone, which both died.</param>
    public async Task VerifyAsync(QmpClient client, DaemonFixture daemon, bool isSuccessor, Func<string, bool> isLost)
    {
        var seen = await ObserveAsync(client);
        if (_pending is { } pending)
            Decide(pending.Id, pending.After, seen);
        _pending = null;
        foreach (var id in _entries.Keys.Where(id => isSuccessor && (!IsKept(_entries[id]) || isLost(id))).ToList())
        {
            Assert.False(seen.ContainsKey(id), $"{id} must be lost");
            await Eventually.TrueAsync(() => daemon.Log.Contains($"/objects/{id} of ", StringComparison.Ordinal), () => $"{id} is named as lost\n{daemon.Log}");
            _entries.Remove(id);
        }
        Assert.Equal(_entries.Select(entry => (entry.Key, entry.Value.Threads, entry.Value.Dimm)), seen.Select(one => (one.Key, one.Value.Threads, one.Value.Dimm)));
        foreach (var (id, entry) in _entries.Where(entry => entry.Value.Nonce is not null))
        {
            var bytes = new byte[entry.Nonce!.Length];
            using var file = await OpenAsync(client, daemon, id);
            Assert.Equal(bytes.Length, new LinuxKernel().Pread(file, bytes, 4096));
            Assert.Equal(entry.Nonce, bytes);
        }
    }

    /// <summary>Where a backend can be opened; of one that is lent, who has it.</summary>
    public static async Task<string> PathAsync(QmpClient client, string id)
    {
        var reply = await AnswerAsync(client, $$$"""{"execute": "query-memory-loans", "arguments": {"memdev": "{{{id}}}"} }""");
        var way = reply.GetProperty("return")[0].GetProperty("ways")[0];
        return way.TryGetProperty("path", out var path) ? path.GetString()! : way.GetProperty("reason").GetString()!;
    }

    /// <summary>The end of a borrower is seen a moment later than it is.</summary>
    public static Task UntilNobodyBorrowsAsync(QmpClient client) => Eventually.TrueAsync(
        async () => !(await AnswerAsync(client, """{"execute": "query-memory-loans"}""")).GetProperty("return").EnumerateArray()
            .Any(loan => loan.GetProperty("state").GetString() == "held"),
        () => "a borrower that has ended has some of it");

    /// <summary>The daemon's descriptor of a backend, which is no loan; or that of the borrower, which is the same memory.</summary>
    private static async Task<SafeFileHandle> OpenAsync(QmpClient client, DaemonFixture daemon, string id)
    {
        const int ofBorrower = 3;
        var path = await PathAsync(client, id);
        var borrower = Regex.Match(path, @"\(pid (\d+)\)");
        var kernel = new LinuxKernel();
        using var process = kernel.OpenProcess(borrower.Success ? int.Parse(borrower.Groups[1].Value, CultureInfo.InvariantCulture) : daemon.Pid);
        try
        {
            return kernel.TakeDescriptor(process, borrower.Success ? ofBorrower : int.Parse(path[(path.LastIndexOf('/') + 1)..], CultureInfo.InvariantCulture));
        }
        catch (KernelException e)
        {
            throw new IOException($"{id}, {path}: {e.Message}");
        }
    }

    private static bool IsKept(Entry entry) => entry.Type != "memory-backend-ram";

    private KeyValuePair<string, Entry>? Pick(Func<KeyValuePair<string, Entry>, bool> fits)
    {
        var fitting = _entries.Where(fits).ToList();
        return fitting.Count == 0 ? null : fitting[_random.Next(fitting.Count)];
    }

    private async Task AddAsync(QmpClient client, DaemonFixture daemon)
    {
        string[] types = ["memory-backend-memfd", "memory-backend-memfd", "memory-backend-shm", "memory-backend-ram"];
        var (id, type) = ($"m{_next++}", types[_random.Next(types.Length)]);
        var size = _random.Next(2) == 0 ? 2 << 20 : 32 << 20;
        var prealloc = _random.Next(4) == 0 ? ", \"prealloc\": true" : "";
        await SendAsync(
            client, id, new Entry(type, 1, null, null),
            $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "{{{id}}}", "size": {{{size}}}{{{prealloc}}} } }""");
        if (!IsKept(_entries[id]))
            return;
        var nonce = new byte[16];
        _random.NextBytes(nonce);
        using var file = await OpenAsync(client, daemon, id);
        Assert.Equal(nonce.Length, new LinuxKernel().Pwrite(file, nonce, 4096));
        _entries[id] = _entries[id] with { Nonce = nonce };
    }

    private Task SetAsync(QmpClient client, KeyValuePair<string, Entry> changed)
    {
        var threads = (uint)_random.Next(1, 9);
        return SendAsync(
            client, changed.Key, changed.Value with { Threads = threads },
            $$$"""{"execute": "qom-set", "arguments": {"path": "/objects/{{{changed.Key}}}", "property": "prealloc-threads", "value": {{{threads}}} } }""");
    }

    private async Task SendAsync(QmpClient client, string id, Entry? after, string request)
    {
        _pending = (id, after);
        var reply = await AnswerAsync(client, request);
        Assert.True(reply.TryGetProperty("return", out _), $"{request}: {reply.GetRawText()}");
        _pending = null;
        Apply(id, after);
    }

    private void Apply(string id, Entry? after)
    {
        if (after is null)
            _entries.Remove(id);
        else
            _entries[id] = after;
    }

    /// <summary>Either it is as it was, or it is as the command would have it: whichever is seen.</summary>
    private void Decide(string id, Entry? after, SortedDictionary<string, (uint Threads, string? Dimm)> seen)
    {
        var isDone = after is null ? !seen.ContainsKey(id) : seen.TryGetValue(id, out var one) && one == (after.Threads, after.Dimm);
        if (isDone)
            Apply(id, after);
    }

    private static async Task<SortedDictionary<string, (uint Threads, string? Dimm)>> ObserveAsync(QmpClient client)
    {
        var seen = new SortedDictionary<string, (uint, string?)>(StringComparer.Ordinal);
        var dimms = (await AnswerAsync(client, """{"execute": "query-memory-devices"}""")).GetProperty("return").EnumerateArray()
            .Select(dimm => dimm.GetProperty("data")).ToDictionary(dimm => dimm.GetProperty("memdev").GetString()!, dimm => dimm.GetProperty("id").GetString());
        foreach (var memdev in (await AnswerAsync(client, """{"execute": "query-memdev"}""")).GetProperty("return").EnumerateArray())
        {
            var id = memdev.GetProperty("id").GetString()!;
            seen.Add(id, (await ThreadsAsync(client, id), dimms.GetValueOrDefault("/objects/" + id)));
        }
        return seen;
    }

    private static async Task<uint> ThreadsAsync(QmpClient client, string id) => (await AnswerAsync(
        client, $$$"""{"execute": "qom-get", "arguments": {"path": "/objects/{{{id}}}", "property": "prealloc-threads"} }""")).GetProperty("return").GetUInt32();

    /// <summary>The next message that is no event.</summary>
    private static async Task<JsonElement> AnswerAsync(QmpClient client, string request)
    {
        var reply = await client.AskAsync(request);
        while (reply.TryGetProperty("event", out _))
            reply = await client.ReceiveAsync();
        return reply;
    }
}
