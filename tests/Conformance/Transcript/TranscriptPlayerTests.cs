namespace Hostmemd.Conformance.Transcript;

public sealed class TranscriptPlayerTests
{
    private const string Stop = """{"event": "STOP"}""" + "\r\n";
    private const string Done = """{"return": {}}""" + "\r\n";

    [Fact]
    public async Task Lines_are_sent_and_answers_compared_in_order()
    {
        var seen = new List<string>();
        using var server = new ScriptedServer(Answers("{\"return\": {\"n\": 1}}\r\n", Done));

        await server.PlayAsync(
            """
            -> {"execute": "a"}
            <- {"return": {"n": 1}}
            => {"execute":\x20"b"}\n
            <= {"return": {}}\r\n
            """,
            seen.Add);

        Assert.Equal(
            ["""-> {"execute": "a"}""", """<- {"return": {"n": 1}}""", """=> {"execute":\x20"b"}\n""", """<- {"return": {}}"""],
            seen);
    }

    [Fact]
    public async Task A_different_answer_is_told_with_line_expected_and_got()
    {
        using var server = new ScriptedServer(Answers("{\"return\": {\"n\": 2}}\r\n"));

        TranscriptMismatch mismatch = await MismatchAsync(server, "# a comment\n-> {}\n<- {\"return\": {\"n\": 1}}\n");

        Assert.Equal(3, mismatch.LineNumber);
        Assert.Equal("at .return.n: expected 1, got 2", mismatch.Difference);
        Assert.Equal(
            "line 3: at .return.n: expected 1, got 2\n    expected: {\"return\": {\"n\": 1}}\n    got:      {\"return\": {\"n\": 2}}",
            mismatch.Message);
    }

    [Fact]
    public async Task A_refusal_is_told_with_the_description_of_the_server()
    {
        using var server = new ScriptedServer(Answers("""{"error": {"class": "GenericError", "desc": "no KVM here"}}""" + "\n"));

        TranscriptMismatch mismatch = await MismatchAsync(server, "-> {}\n<- {\"return\": {}}");

        Assert.EndsWith("; the server refused: no KVM here", mismatch.Difference, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"return": {}, "id": inf}""")]
    [InlineData("""{"return": {}, "return": {}}""")]
    [InlineData("""{"return": "\ud800"}""")]
    public async Task An_answer_that_is_no_JSON_is_a_mismatch(string answer)
    {
        using var server = new ScriptedServer(Answers(answer + "\r\n"));

        TranscriptMismatch mismatch = await MismatchAsync(server, "-> {}\n<- \"$any\"");

        Assert.StartsWith("not JSON", mismatch.Difference, StringComparison.Ordinal);
        Assert.Equal(answer, mismatch.Got);
    }

    [Fact]
    public async Task Bytes_are_compared_with_their_terminator()
    {
        using var server = new ScriptedServer(Answers("{\"return\": {}}\n"));

        TranscriptMismatch mismatch = await MismatchAsync(server, "-> {}\n<= {\"return\": {}}\\r\\n");

        Assert.Equal("bytes differ", mismatch.Difference);
        Assert.Equal("""{"return": {}}\n""", mismatch.Got);
    }

    [Theory]
    [InlineData(Stop + Done)]
    [InlineData(Done + Stop)]
    public async Task An_awaited_event_may_come_before_or_after_the_answer(string answer)
    {
        using var server = new ScriptedServer(Answers(answer));

        await server.PlayAsync("-> {\"execute\": \"stop\"}\n<- {\"return\": {}}\n<~ {\"event\": \"STOP\"}");
    }

    [Fact]
    public async Task An_event_that_is_awaited_only_after_a_later_send_comes_too_early()
    {
        using var server = new ScriptedServer(Answers(Stop + Done, Done));

        TranscriptMismatch mismatch = await MismatchAsync(
            server, "-> {}\n<- {\"return\": {}}\n-> {}\n<- {\"return\": {}}\n<~ {\"event\": \"STOP\"}");

        Assert.Equal(2, mismatch.LineNumber);
    }

    [Fact]
    public async Task An_event_that_never_comes_is_told_with_its_line()
    {
        using var server = new ScriptedServer(Answers(Done));

        TranscriptMismatch mismatch = await MismatchAsync(server, "-> {}\n<~ {\"event\": \"STOP\"}\n<- {\"return\": {}}", TimeSpan.FromSeconds(5));

        Assert.Equal(2, mismatch.LineNumber);
        Assert.Equal("this event never came", mismatch.Difference);
    }

    [Fact]
    public async Task An_event_for_a_connection_that_is_gone_is_a_mismatch()
    {
        using var server = new ScriptedServer(Answers(Done));

        TranscriptMismatch mismatch = await MismatchAsync(server, "== close\n<~ {\"event\": \"STOP\"}");

        Assert.Equal("client 1 is not connected", mismatch.Difference);
    }

    [Fact]
    public async Task A_message_after_the_last_line_is_a_mismatch()
    {
        using var server = new ScriptedServer(Answers(Done + Stop));

        TranscriptMismatch mismatch = await MismatchAsync(server, "-> {}\n<- {\"return\": {}}");

        Assert.Null(mismatch.LineNumber);
        Assert.Equal("""after the last line: unexpected message {"event": "STOP"}""", mismatch.Message);
    }

    [Fact]
    public async Task Quiet_refuses_a_message()
    {
        using var server = new ScriptedServer(Answers(Done));

        TranscriptMismatch mismatch = await MismatchAsync(server, "-> {}\n== pause 1000\n== quiet\n<- {\"return\": {}}");

        Assert.Equal("""expected no message yet, got {"return": {}}""", mismatch.Difference);
    }

    [Fact]
    public async Task Quiet_accepts_silence_and_awaited_events()
    {
        using var server = new ScriptedServer(Answers(Stop));

        await server.PlayAsync("-> {}\n== quiet\n<~ {\"event\": \"STOP\"}");
    }

    [Fact]
    public async Task Eof_wants_the_server_to_close()
    {
        using var closing = new ScriptedServer(_ => Task.CompletedTask);
        await closing.PlayAsync("== eof");

        using var chatting = new ScriptedServer(client => ScriptedServer.WriteAsync(client, Done));
        TranscriptMismatch mismatch = await MismatchAsync(chatting, "== eof");

        Assert.Equal("""expected end of stream, got {"return": {}}""", mismatch.Difference);
    }

    [Fact]
    public async Task A_closed_connection_is_told_where_an_answer_was_expected()
    {
        using var server = new ScriptedServer(_ => Task.CompletedTask);

        TranscriptMismatch mismatch = await MismatchAsync(server, "<- {\"return\": {}}");

        Assert.Equal("the server closed the connection", mismatch.Difference);
    }

    [Fact]
    public async Task Each_client_has_a_connection_and_a_number_of_its_own()
    {
        using var server = new ScriptedServer(Answers(Done), Answers("{\"return\": 2}\n"), Answers("{\"return\": 3}\n"));

        await server.PlayAsync(
            """
            == new-client
            2-> {}
            2<- {"return": 2}
            == close 2
            == new-client
            3-> {}
            3<- {"return": 3}
            -> {}
            <- {"return": {}}
            """);
    }

    [Fact]
    public async Task Files_and_folders_are_made_where_the_placeholder_says()
    {
        using var server = new ScriptedServer(async client =>
        {
            string directory = (await ScriptedServer.ReadLineAsync(client)).Trim().Trim('"');
            bool made = Directory.Exists(Path.Combine(directory, "d")) && new FileInfo(Path.Combine(directory, "f")).Length == 4096;
            await ScriptedServer.WriteAsync(client, $"[\"{directory}/f\", {(made ? "true" : "false")}]\n");
        });

        await server.PlayAsync("== file f 4096\n== dir d\n-> \"@DIR@\"\n<- [\"@DIR@/f\", true]");
    }

    [Fact]
    public async Task A_server_that_answers_while_it_is_sent_to_does_not_block()
    {
        const int megabyte = 1024 * 1024;
        using var server = new ScriptedServer(async client =>
        {
            await ScriptedServer.WriteAsync(client, $"\"{new string('x', 4 * megabyte)}\"\n");
            await client.ReadExactlyAsync(new byte[4 * megabyte]);
            await ScriptedServer.WriteAsync(client, Done);
        });

        await server.PlayAsync($"=> @repeat {4 * megabyte} \" \"\n<- \"$str\"\n<- {{\"return\": {{}}}}");
    }

    /// <summary>Gives one answer to each line, then waits for the client to go.</summary>
    private static Func<Stream, Task> Answers(params string[] answers) => async client =>
    {
        foreach (string answer in answers)
        {
            await ScriptedServer.ReadLineAsync(client);
            await ScriptedServer.WriteAsync(client, answer);
        }

        await ScriptedServer.ReadLineAsync(client);
    };

    private static Task<TranscriptMismatch> MismatchAsync(ScriptedServer server, string transcript, TimeSpan? timeout = null) =>
        Assert.ThrowsAsync<TranscriptMismatch>(() => server.PlayAsync(transcript, timeout: timeout));
}
