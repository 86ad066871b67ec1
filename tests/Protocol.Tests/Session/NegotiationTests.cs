namespace Hostmemd.Protocol.Tests.Session;

/// <summary>Greeting, negotiation, ids, and what is wrong with a request.</summary>
public class NegotiationTests
{
    private const string Expecting =
        """{"error": {"class": "CommandNotFound", "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}}""";

    private const string Already =
        """{"error": {"class": "CommandNotFound", "desc": "Capabilities negotiation is already complete, command ignored"}}""";

    [Fact]
    public async Task The_greeting_comes_first_and_unasked()
    {
        await using var session = TestSession.Connect();
        await session.ExpectAsync("""{"QMP": {"version": {}, "capabilities": ["oob"]}}""");
    }

    [Fact]
    public async Task Before_negotiation_every_command_known_or_not_is_told_to_negotiate()
    {
        await using var session = TestSession.Connect();
        await session.ReceiveAsync();
        await session.SendAsync(
            """{"execute": "echo", "arguments": {"text": "a"}, "id": 1}""",
            """{"execute": "no-such-command"}""",
            """{"execute": "qmp_capabilities"}""",
            """{"execute": "echo", "arguments": {"text": "a"}}""");
        await session.ExpectAsync(
            """{"id": 1, "error": {"class": "CommandNotFound", "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}}""",
            Expecting,
            """{"return": {}}""",
            """{"return": {"text": "a"}}""");
    }

    [Fact]
    public async Task Malformed_input_before_negotiation_gets_the_usual_errors()
    {
        await using var session = TestSession.Connect();
        await session.ReceiveAsync();
        await session.SendAsync("{]", "[]", "{}", """{"execute": 1}""", """{"exec-oob": "echo-oob"}""");
        await session.ExpectAsync(
            """{"error": {"class": "GenericError", "desc": "1:2: JSON parse error, expecting key"}}""",
            """{"error": {"class": "GenericError", "desc": "QMP input must be a JSON object"}}""",
            """{"error": {"class": "GenericError", "desc": "QMP input lacks member 'execute'"}}""",
            """{"error": {"class": "GenericError", "desc": "QMP input member 'execute' must be a string"}}""",
            """{"error": {"class": "GenericError", "desc": "QMP input member 'exec-oob' is unexpected"}}""");
    }

    [Fact]
    public async Task A_negotiation_that_fails_leaves_the_session_where_it_was()
    {
        await using var session = TestSession.Connect();
        await session.ReceiveAsync();
        await session.SendAsync(
            """{"execute": "qmp_capabilities", "arguments": {"enable": ["no-such-capability"]}}""",
            """{"execute": "qmp_capabilities", "arguments": {"enable": "oob"}}""",
            """{"execute": "echo", "arguments": {"text": "a"}}""",
            """{"execute": "qmp_capabilities", "arguments": {"enable": ["oob", "oob"]}}""",
            """{"exec-oob": "echo-oob", "arguments": {"text": "a"}}""");
        await session.ExpectAsync(
            """{"error": {"class": "GenericError", "desc": "Parameter 'null' does not accept value 'no-such-capability'"}}""",
            """{"error": {"class": "GenericError", "desc": "Invalid parameter type for 'enable', expected: array"}}""",
            Expecting,
            """{"return": {}}""",
            """{"return": {"text": "a"}}""");
    }

    [Fact]
    public async Task A_second_negotiation_is_refused_and_changes_nothing()
    {
        await using var session = await TestSession.NegotiatedAsync();
        await session.SendAsync(
            """{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}""",
            """{"exec-oob": "echo-oob", "arguments": {"text": "a"}}""");
        await session.ExpectAsync(
            Already,
            """{"error": {"class": "GenericError", "desc": "QMP input member 'exec-oob' is unexpected"}}""");
    }

    [Theory]
    [InlineData("1")]
    [InlineData("\"a\"")]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("1.5")]
    [InlineData("18446744073709551615")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""[1, "a", null, {"b": [false]}]""")]
    [InlineData("""{"a": {"c": null}, "b": 1}""")]
    public async Task An_id_is_any_JSON_value_and_is_echoed(string id)
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync(
            $$$$"""{"execute": "echo", "arguments": {"text": "a"}, "id": {{{{id}}}}}""",
            $$$$"""{"execute": "fail", "arguments": {"name": "a"}, "id": {{{{id}}}}}""",
            $$$$"""{"exec-oob": "echo-oob", "arguments": {"text": "a"}, "id": {{{{id}}}}}""",
            $$$$"""{"id": {{{{id}}}}}""");
        await session.ExpectAsync(
            $$$$"""{"return": {"text": "a"}, "id": {{{{id}}}}}""",
            $$$"""{"id": {{{id}}}, "error": {"class": "DeviceNotFound", "desc": "a"}}""",
            $$$$"""{"return": {"text": "a"}, "id": {{{{id}}}}}""",
            $$$"""{"id": {{{id}}}, "error": {"class": "GenericError", "desc": "QMP input lacks member 'execute'"}}""");
    }

    [Fact]
    public async Task One_id_may_be_used_for_requests_at_the_same_time()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync(
            """{"execute": "hold", "arguments": {"name": "a"}, "id": 1}""",
            """{"execute": "echo", "arguments": {"text": "b"}, "id": 1}""",
            """{"exec-oob": "echo-oob", "arguments": {"text": "c"}, "id": 1}""");
        await session.ExpectAsync("""{"return": {"text": "c"}, "id": 1}""");
        session.Guest.At("a").Open();
        await session.ExpectAsync("""{"return": {}, "id": 1}""", """{"return": {"text": "b"}, "id": 1}""");
    }

    [Fact]
    public async Task The_envelope_is_checked_before_the_command_is_looked_for()
    {
        await using var session = await TestSession.NegotiatedAsync(oob: true);
        await session.SendAsync(
            """{"execute": 1, "arguments": 2, "extra": 3}""",
            """{"execute": "no-such-command", "arguments": []}""",
            """{"execute": "echo", "exec-oob": "echo-oob"}""",
            """{"exec-oob": null}""",
            """{"execute": "no-such-command", "arguments": {"a": 1}}""",
            """{"execute": "$/cancelRequest"}""",
            """{"execute": "echo"}""",
            """{"execute": "echo", "arguments": {"text": "a", "b": 1}}""");
        await session.ExpectAsync(
            """{"error": {"class": "GenericError", "desc": "QMP input member 'extra' is unexpected"}}""",
            """{"error": {"class": "GenericError", "desc": "QMP input member 'arguments' must be an object"}}""",
            """{"error": {"class": "GenericError", "desc": "QMP input member 'execute' clashes with 'exec-oob'"}}""",
            """{"error": {"class": "GenericError", "desc": "QMP input member 'exec-oob' must be a string"}}""",
            """{"error": {"class": "CommandNotFound", "desc": "The command no-such-command has not been found"}}""",
            """{"error": {"class": "CommandNotFound", "desc": "The command $/cancelRequest has not been found"}}""",
            """{"error": {"class": "GenericError", "desc": "Parameter 'text' is missing"}}""",
            """{"error": {"class": "GenericError", "desc": "Parameter 'b' is unexpected"}}""");
    }

    [Fact]
    public async Task A_read_only_session_takes_only_what_is_declared_for_it()
    {
        await using var session = TestSession.Connect(readOnly: true);
        await session.ReceiveAsync();
        await session.SendAsync("""{"execute": "echo"}""");
        await session.ExpectAsync(Expecting);
        session.Session.Negotiate(enableOob: true);
        await session.SendAsync(
            """{"execute": "change", "id": 1}""",
            """{"exec-oob": "echo-oob", "arguments": {"text": "a"}, "id": 2}""",
            """{"execute": "no-such-command", "id": 3}""",
            """{"execute": "echo", "arguments": {"text": "a"}, "id": 4}""");
        await session.ExpectAsync(
            """{"id": 1, "error": {"class": "GenericError", "desc": "The command change is not allowed on this socket (readonly=on), use another one"}}""",
            """{"id": 2, "error": {"class": "GenericError", "desc": "The command echo-oob is not allowed on this socket (readonly=on), use another one"}}""",
            """{"id": 3, "error": {"class": "CommandNotFound", "desc": "The command no-such-command has not been found"}}""",
            """{"return": {"text": "a"}, "id": 4}""");
        Assert.Equal(1UL, session.Guest.Generation);
    }
}
