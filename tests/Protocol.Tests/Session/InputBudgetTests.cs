using System.Text;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Session;

/// <summary>Input of all sessions together takes bounded memory, and who sends requests of ordinary size never notices.</summary>
public class InputBudgetTests
{
    private const string Refusal = """{"error": {"class": "GenericError", "desc": "JSON input limit of all clients exceeded, try again later"}}""";
    private const string Ordinary = """{"execute": "echo", "arguments": {"text": "a"}, "id": 1}""";
    private const string OrdinaryReply = """{"return": {"text": "a"}, "id": 1}""";
    private const int Limit = 1024 * 1024;

    private readonly InputBudget _budget = new(Limit);

    [Theory]
    [InlineData("\"")] // a string that is a value of its own
    [InlineData("""{"execute": "echo", "arguments": {"text": " """)]
    public async Task An_unfinished_string_beyond_the_budget_is_refused_and_skipped(string start)
    {
        await using var session = await TestSession.NegotiatedAsync(budget: _budget);
        var end = start.Length == 1 ? "\"" : "\"}}";
        await SendPartAsync(session, start + new string('x', 2 * Limit));
        await session.ExpectAsync(Refusal);
        Assert.Equal(0, _budget.Used);
        await SendPartAsync(session, new string('x', Limit) + end);
        await session.SendAsync(Ordinary);
        await session.ExpectAsync(OrdinaryReply);
    }

    [Fact]
    public async Task Many_small_values_count_with_the_memory_they_take()
    {
        await using var session = await TestSession.NegotiatedAsync(budget: _budget);
        // 128 KiB of text, which would be many times that in memory.
        await SendPartAsync(session, """{"execute": "echo", "id": [0""" + string.Concat(Enumerable.Repeat(",0", 64 * 1024)));
        await session.ExpectAsync(Refusal);
        await session.SendAsync("]}" + Ordinary);
        await session.ExpectAsync(OrdinaryReply);
    }

    [Fact]
    public async Task Who_holds_all_of_it_does_not_keep_others_from_requests_of_ordinary_size()
    {
        await using var greedy = await TestSession.NegotiatedAsync(budget: _budget);
        await using var other = await TestSession.NegotiatedAsync(budget: _budget);
        await SendPartAsync(greedy, """{"execute": "echo", "id": " """ + new string('x', Limit));
        await UntilAsync(() => _budget.Used > Limit / 2);
        await other.SendAsync("\"" + new string('x', Limit / 2) + "\"");
        await other.ExpectAsync(Refusal);
        await other.SendAsync(Ordinary, $$"""{"execute": "echo", "arguments": {"text": "{{new string('y', 20_000)}}"} }""");
        await other.ExpectAsync(OrdinaryReply, $$$"""{"return": {"text": "{{{new string('y', 20_000)}}}"}}""");
        await greedy.DisposeAsync();
        await UntilAsync(() => _budget.Used == 0);
        await other.SendAsync($$"""{"execute": "echo", "arguments": {"text": "b"}, "id": "{{new string('x', Limit / 2)}}"}""");
        await other.ExpectAsync($$$"""{"return": {"text": "b"}, "id": "{{{new string('x', Limit / 2)}}}"}""");
    }

    [Fact]
    public async Task A_long_id_counts_until_the_reply_that_has_it_is_taken()
    {
        await using var session = await TestSession.NegotiatedAsync(budget: _budget);
        var id = new string('x', Limit / 2);
        await session.SendAsync($$"""{"execute": "echo", "arguments": {"text": "a"}, "id": "{{id}}"}""");
        await session.WaitForFirstByteAsync();
        // Far more than the pipe takes is still to be sent.
        Assert.InRange(_budget.Used, Limit / 4, Limit);
        await session.ExpectAsync($$$"""{"return": {"text": "a"}, "id": "{{{id}}}"}""");
        await UntilAsync(() => _budget.Used == 0);
    }

    [Fact]
    public async Task While_a_large_command_runs_no_further_one_is_read()
    {
        var budget = new InputBudget();
        await using var session = await TestSession.NegotiatedAsync(budget: budget);
        const int size = 3 * Limit;
        var first = session.SendAsync($$"""{"execute": "hold", "arguments": {"name": "a"}, "id": "{{new string('x', size)}}"}""");
        await session.Guest.At("a").ReachedAsync();
        await Task.Delay(100);
        Assert.InRange(budget.Used, size - InputBudget.OwnBytes, size + InputBudget.OwnBytes);
        Assert.False(first.IsCompleted);
        session.Guest.At("a").Open();
        Assert.EndsWith("xx\"}", await session.ReceiveAsync(), StringComparison.Ordinal);
        await first;
    }

    [Fact]
    public async Task What_was_relieved_is_told_once_much_was_given_back()
    {
        var relieved = 0;
        var budget = new InputBudget { Relieved = () => Interlocked.Increment(ref relieved) };
        await using var session = await TestSession.NegotiatedAsync(budget: budget);
        await session.SendAsync(Ordinary);
        await session.ExpectAsync(OrdinaryReply);
        var sending = session.SendAsync($$"""{"execute": "echo", "arguments": {"text": "a"}, "id": "{{new string('x', 8 * Limit)}}"}""");
        await session.ReceiveAsync();
        await sending;
        await UntilAsync(() => Volatile.Read(ref relieved) > 0);
        Assert.Equal(1, relieved);
        Assert.Equal(0, budget.Used);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("quote \\\" and \\\\ and \\n")]
    [InlineData("\\u00E9\\uD83D\\uDE00")]
    public async Task A_long_id_is_echoed_as_QEMU_prints_it(string part)
    {
        await using var session = await TestSession.NegotiatedAsync();
        // Beyond what is kept in one piece, and beyond what comes in one read.
        var id = string.Concat(Enumerable.Repeat(part, 200_000 / part.Length));
        await session.SendAsync($$"""{"execute": "echo", "arguments": {"text": "a"}, "id": ["{{id}}", "{{id}}"]}""");
        await session.ExpectAsync($$$"""{"return": {"text": "a"}, "id": ["{{{id}}}", "{{{id}}}"]}""");
    }

    [Fact]
    public async Task A_long_string_in_UTF_8_is_what_a_short_one_is()
    {
        await using var session = await TestSession.NegotiatedAsync();
        var id = string.Concat(Enumerable.Repeat("é\U0001F600", 30_000));
        await session.SendBytesAsync(Encoding.UTF8.GetBytes($$"""{"execute": "echo", "arguments": {"text": "a"}, "id": "{{id}}"}"""));
        var escaped = string.Concat(Enumerable.Repeat("\\u00E9\\uD83D\\uDE00", 30_000));
        await session.ExpectAsync($$$"""{"return": {"text": "a"}, "id": "{{{escaped}}}"}""");
    }

    private static Task SendPartAsync(TestSession session, string text) => session.SendBytesAsync(Encoding.UTF8.GetBytes(text));

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TestSession.Patience);
        while (!condition())
            await Task.Delay(5, patience.Token);
    }
}
