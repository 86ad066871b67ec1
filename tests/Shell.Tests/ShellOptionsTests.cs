namespace Hostmemd.QmpShell.Tests;

public sealed class ShellOptionsTests
{
    [Fact]
    public void Everything_after_two_dashes_is_the_server()
    {
        ShellOptions options = ShellOptions.Parse(["--wrap", "--play", "x.qmp", "--", "qemu", "-h", "--a=b", "-vp"]);

        Assert.Equal((true, "x.qmp", false), (options.Wrap, options.Play, options.Help));
        Assert.Equal(["qemu", "-h", "--a=b", "-vp"], options.Server);
    }

    [Fact]
    public void Letters_stand_together_and_a_value_behind_an_equals_sign()
    {
        ShellOptions options = ShellOptions.Parse(["-Hvp", "--logfile=a=b", "-c", "-vp", "s"]);

        Assert.Equal((true, true, true, false), (options.Hmp, options.Verbose, options.Pretty, options.SkipNegotiation));
        Assert.Equal(("a=b", "s"), (options.LogFile, options.Socket));
        Assert.Equal(["-vp"], options.Commands);
    }

    [Fact]
    public void The_socket_may_come_from_the_environment()
    {
        Assert.Equal("/run/q", ShellOptions.Parse([], "/run/q").Socket);
        Assert.Equal("/run/p", ShellOptions.Parse(["/run/p"], "/run/q").Socket);
        Assert.Null(ShellOptions.Parse(["--wrap"], "/run/q").Socket);
    }

    [Theory]
    [InlineData("-v qemu -v -- x", "--wrap -v -- qemu -v -- x")]
    [InlineData("-l f -p -- qemu", "--wrap -l f -p -- qemu")]
    public void The_wrapper_takes_the_program_as_its_arguments(string given, string parsed) =>
        Assert.Equal(parsed.Split(' '), ShellOptions.FromWrapper(given.Split(' ')));

    [Theory]
    [InlineData("give a SOCKET, or --wrap, or set QMP_SOCKET")]
    [InlineData("unknown option --frob", "--frob")]
    [InlineData("--play needs a file", "--play")]
    [InlineData("unexpected argument b", "a", "b")]
    [InlineData("--wrap makes a socket of its own", "--wrap", "a")]
    [InlineData("a program after -- needs --wrap", "a", "--", "b")]
    [InlineData("--timeout needs seconds, not soon", "a", "--timeout", "soon")]
    [InlineData("-c and -f exclude each other", "a", "-c", "b", "-f", "c")]
    [InlineData("--play takes its lines from the transcript", "a", "-c", "b", "--play", "c")]
    public void A_command_line_that_makes_no_sense_is_refused(string problem, params string[] arguments) =>
        Assert.Equal(problem, Assert.Throws<FormatException>(() => ShellOptions.Parse(arguments)).Message);
}
