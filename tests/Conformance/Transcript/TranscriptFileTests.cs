namespace Hostmemd.Conformance.Transcript;

public sealed class TranscriptFileTests
{
    [Fact]
    public void Headers_and_steps_are_read_with_their_line_numbers()
    {
        TranscriptFile file = TranscriptFile.Parse(
            "x.qmp",
            """
            # scope: core
            # machine: q35-kvm
            # qemu-args: -device x,id=y -uuid z
            # timeout: 60
            # needs: kvm one-node
            # Just a comment: with a colon.

            -> {"execute": "a"}
            2=fd> {}\n
            2<~ {"event": "STOP"}
            == quiet 2
            """);

        Assert.Equal(("core", "q35-kvm", TimeSpan.FromSeconds(60)), (file.Scope, file.Machine, file.Timeout));
        Assert.Equal(["-device", "x,id=y", "-uuid", "z"], file.QemuArguments);
        Assert.Equal(["kvm", "one-node"], file.Needs);
        Assert.Equal(
            [
                (8, 1, TranscriptStepKind.Send, "{\"execute\": \"a\"}"),
                (9, 2, TranscriptStepKind.SendMemfd, "{}\\n"),
                (10, 2, TranscriptStepKind.Event, "{\"event\": \"STOP\"}"),
                (11, 2, TranscriptStepKind.Directive, "quiet 2"),
            ],
            file.Steps.Select(step => (step.LineNumber, step.Client, step.Kind, step.Text)));
    }

    [Theory]
    [InlineData("hello", "cannot read line: hello")]
    [InlineData("0-> {}", "cannot read line: 0-> {}")]
    [InlineData("== frobnicate", "unknown directive frobnicate")]
    [InlineData("== file ../f 1", "unknown directive file ../f 1")]
    [InlineData("<- \"$integer\"", "unknown placeholder $integer")]
    [InlineData("<- [{\"$list\": []}]", "unknown placeholder $list")]
    [InlineData("<- {\"$unordered\": 1}", "$unordered has an argument of the wrong type")]
    [InlineData("=> \\q", "bad escape \\q")]
    [InlineData("=> \\x4", "bad escape \\x")]
    [InlineData("=> @repeat x \"y\"", "expected @repeat N \"text\"")]
    [InlineData("=fd>", "nothing to send")]
    public void A_line_that_cannot_be_read_is_told_with_file_and_line(string line, string problem)
    {
        TranscriptFormatException e =
            Assert.Throws<TranscriptFormatException>(() => TranscriptFile.Parse("x.qmp", "# scope: core\n" + line));

        Assert.Equal($"x.qmp:2: {problem}", e.Message);
    }

    [Fact]
    public void An_expectation_that_is_no_JSON_is_told_with_file_and_line()
    {
        TranscriptFormatException e = Assert.Throws<TranscriptFormatException>(() => TranscriptFile.Parse("x.qmp", "<- {"));

        Assert.StartsWith("x.qmp:1: ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""a\n\r\t\\\"\x00\xff""", new byte[] { 0x61, 0x0a, 0x0d, 0x09, 0x5c, 0x22, 0x00, 0xff })]
    [InlineData("é", new byte[] { 0xc3, 0xa9 })]
    [InlineData("""@repeat 3 "\x41b" """, new byte[] { 0x41, 0x62, 0x41, 0x62, 0x41, 0x62 })]
    public void Escaped_text_is_bytes(string text, byte[] bytes) => Assert.Equal(bytes, EscapedBytes.ParseSend(text.Trim()));
}
