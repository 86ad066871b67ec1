using Hostmemd.QmpShell;

namespace Hostmemd.Conformance;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("query-status", "query-status", null)]
    [InlineData(" x id=m0  size=18446744073709551615 ", "x", """{"id": "m0", "size": 18446744073709551615}""")]
    [InlineData("x a=on b=true c=null d=", "x", """{"a": "on", "b": true, "c": "null", "d": ""}""")]
    [InlineData("""x a="two words" b={"c": [1]} """, "x", """{"a": "two words", "b": {"c": [1]}}""")]
    [InlineData("""x size="4" f=1.50 g=007 h='m0'""", "x", """{"size": "4", "f": 1.50, "g": "007", "h": "'m0'"}""")]
    public void A_line_becomes_a_command(string line, string name, string? arguments)
    {
        LineCommand command = LineCommand.Parse(line);

        Assert.Equal((name, arguments), (command.Name, command.Arguments?.ToString()));
    }

    [Theory]
    [InlineData("x size", "expected key=value, got size")]
    [InlineData("x a=1 a=2", "a is given twice")]
    public void An_argument_that_makes_no_sense_is_refused(string line, string problem) =>
        Assert.Equal(problem, Assert.Throws<FormatException>(() => LineCommand.Parse(line)).Message);

    [Fact]
    public void Everything_after_two_dashes_is_the_server()
    {
        ShellOptions options = ShellOptions.Parse(["--wrap", "--play", "x.qmp", "--", "qemu", "-h"]);

        Assert.Equal((true, "x.qmp", false), (options.Wrap, options.Play, options.Help));
        Assert.Equal(["qemu", "-h"], options.Server);
    }

    [Theory]
    [InlineData("give a SOCKET, or --wrap")]
    [InlineData("unknown option --frob", "--frob")]
    [InlineData("--play needs a file", "--play")]
    [InlineData("unexpected argument b", "a", "b")]
    [InlineData("--wrap makes a socket of its own", "--wrap", "a")]
    [InlineData("a program after -- needs --wrap", "a", "--", "b")]
    public void A_command_line_that_makes_no_sense_is_refused(string problem, params string[] arguments) =>
        Assert.Equal(problem, Assert.Throws<FormatException>(() => ShellOptions.Parse(arguments)).Message);
}
