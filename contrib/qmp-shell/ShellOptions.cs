using System.Globalization;

namespace Hostmemd.QmpShell;

/// <summary>The command line.</summary>
internal sealed record ShellOptions
{
    public const string SocketVariable = "QMP_SOCKET";

    public const string Usage = """
        usage: qmp-shell [OPTIONS] [SOCKET | HOST:PORT]
               qmp-shell [OPTIONS] --wrap [-- PROGRAM ARGS]

        Talks to a QMP server on a Unix socket or a TCP port; without one to the socket that QMP_SOCKET names. A line is
        `command key=value ...` or JSON; `help` says more.

          -H, --hmp              lines of the human monitor
          -p, --pretty           print a line for each member, sorted
          -v, --verbose          print what is sent, too
          -N, --skip-negotiation do not wait for a greeting (qemu-ga sends none)
          -l, --logfile FILE     append all messages to FILE, with the time
          --vi                   vi keys; they are taken without it where inputrc has `set editing-mode vi`

          -c, --command LINE     carry out LINE instead of asking; may be repeated
          -f, --file FILE        carry out the lines of FILE
          -k, --keep-going       go on behind a line that failed; lines from standard input always go on
          --wait EVENT           then wait until EVENT has come: a name, or 'NAME key=value ...' that its data has to have
          --timeout SECONDS      give up when a greeting, an answer or an event takes longer
          --json                 print messages alone, one on a line

          --wrap                 start a server and end it afterwards: PROGRAM ARGS, or hostmemd when nothing follows --
          --play FILE            play a transcript (docs/transcripts.md); exit status 1 when the server differs from it
          -h, --help             show this text

        The exit status is 0, 1 when a command failed or the server was lost, 2 for a command line like no other here.
        """;

    public bool Help { get; private init; }

    public bool Hmp { get; private init; }

    public bool Pretty { get; private init; }

    public bool Verbose { get; private init; }

    public bool SkipNegotiation { get; private init; }

    public bool ViKeys { get; private init; }

    public bool KeepGoing { get; private init; }

    public bool Json { get; private init; }

    public string? LogFile { get; private init; }

    public IReadOnlyList<string> Commands { get; private init; } = [];

    public string? ScriptFile { get; private init; }

    public IReadOnlyList<string> AwaitedEvents { get; private init; } = [];

    /// <summary>How long a step may take; infinite when not given.</summary>
    public TimeSpan Timeout { get; private init; } = System.Threading.Timeout.InfiniteTimeSpan;

    public bool Wrap { get; private init; }

    public string? Play { get; private init; }

    public string? Socket { get; private init; }

    /// <summary>What follows <c>--</c>.</summary>
    public IReadOnlyList<string> Server { get; private init; } = [];

    /// <summary>The command line says what to do: nobody is asked.</summary>
    public bool IsScript => Commands.Count > 0 || ScriptFile is not null || AwaitedEvents.Count > 0;

    /// <exception cref="FormatException">The arguments are not those of the usage text.</exception>
    public static ShellOptions Parse(IReadOnlyList<string> arguments, string? socketVariable = null)
    {
        var options = new ShellOptions();
        var rest = new Stack<string>(arguments.Reverse());
        while (rest.TryPop(out string? argument))
        {
            if (argument == "--")
            {
                options = options with { Server = [.. rest] };
                break;
            }

            options = options.With(Unpack(argument, rest), rest);
            if (options.Help)
                return options;
        }

        if (!options.Wrap && options.Socket is null && !string.IsNullOrEmpty(socketVariable))
            options = options with { Socket = socketVariable };
        options.Check();
        return options;
    }

    /// <summary>The arguments of qmp-shell-wrap, whose first word that is no option begins the program.</summary>
    public static IReadOnlyList<string> FromWrapper(IReadOnlyList<string> arguments)
    {
        int at = 0;
        while (at < arguments.Count && arguments[at] is ['-', ..] option && option != "--")
            at += option is "-l" or "--logfile" ? 2 : 1;
        IEnumerable<string> program = arguments.Skip(at).SkipWhile(argument => argument == "--");
        return ["--wrap", .. arguments.Take(at), "--", .. program];
    }

    /// <summary>-vp is -v -p, and --logfile=FILE is two words: what is not the first of them comes next.</summary>
    private static string Unpack(string argument, Stack<string> rest)
    {
        if (argument is ['-', not '-', _, ..] && argument.Skip(1).All("HpvNk".Contains))
        {
            rest.Push($"-{argument[2..]}");
            return argument[..2];
        }

        int equals = argument.StartsWith("--", StringComparison.Ordinal) ? argument.IndexOf('=', StringComparison.Ordinal) : -1;
        if (equals < 0)
            return argument;
        rest.Push(argument[(equals + 1)..]);
        return argument[..equals];
    }

    private ShellOptions With(string argument, Stack<string> rest) => argument switch
    {
        "-h" or "--help" => this with { Help = true },
        "-H" or "--hmp" => this with { Hmp = true },
        "-p" or "--pretty" => this with { Pretty = true },
        "-v" or "--verbose" => this with { Verbose = true },
        "-N" or "--skip-negotiation" => this with { SkipNegotiation = true },
        "--vi" => this with { ViKeys = true },
        "-k" or "--keep-going" => this with { KeepGoing = true },
        "--json" => this with { Json = true },
        "--wrap" => this with { Wrap = true },
        "-l" or "--logfile" => this with { LogFile = Value(argument, rest, "a file") },
        "-c" or "--command" => this with { Commands = [.. Commands, Value(argument, rest, "a line")] },
        "-f" or "--file" => this with { ScriptFile = Value(argument, rest, "a file") },
        "--wait" => this with { AwaitedEvents = [.. AwaitedEvents, Value(argument, rest, "an event")] },
        "--timeout" => this with { Timeout = Seconds(Value(argument, rest, "seconds")) },
        "--play" => this with { Play = Value(argument, rest, "a file") },
        ['-', ..] => throw new FormatException($"unknown option {argument}"),
        _ when Socket is null => this with { Socket = argument },
        _ => throw new FormatException($"unexpected argument {argument}"),
    };

    private static string Value(string option, Stack<string> rest, string what) =>
        rest.TryPop(out string? value) ? value : throw new FormatException($"{option} needs {what}");

    private static TimeSpan Seconds(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and < 1e6
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"--timeout needs seconds, not {text}");

    private void Check()
    {
        if (Wrap && Socket is not null)
            throw new FormatException("--wrap makes a socket of its own");
        if (!Wrap && Server.Count > 0)
            throw new FormatException("a program after -- needs --wrap");
        if (!Wrap && Socket is null)
            throw new FormatException($"give a SOCKET, or --wrap, or set {SocketVariable}");
        if (Play is not null && (IsScript || Hmp))
            throw new FormatException("--play takes its lines from the transcript");
        if (Commands.Count > 0 && ScriptFile is not null)
            throw new FormatException("-c and -f exclude each other");
    }
}
