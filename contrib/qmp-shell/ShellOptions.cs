namespace Hostmemd.QmpShell;

/// <summary>The command line.</summary>
internal sealed record ShellOptions
{
    public const string Usage = """
        usage: qmp-shell [--wrap] [--play FILE] [SOCKET] [-- PROGRAM ARGS]

        Talks to a QMP server on the Unix socket SOCKET. A line is `command key=value ...` or a JSON object.

          --wrap       start a server and end it afterwards: PROGRAM ARGS, or hostmemd when nothing follows --
          --play FILE  play a transcript (docs/transcripts.md); exit status 1 when the server differs from it
          -h, --help   show this text
        """;

    public bool Help { get; private init; }

    public bool Wrap { get; private init; }

    public string? Play { get; private init; }

    public string? Socket { get; private init; }

    /// <summary>What follows <c>--</c>.</summary>
    public IReadOnlyList<string> Server { get; private init; } = [];

    /// <exception cref="FormatException">The arguments are not those of the usage text.</exception>
    public static ShellOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new ShellOptions();
        for (int i = 0; i < arguments.Count; i++)
        {
            switch (arguments[i])
            {
                case "-h" or "--help":
                    return options with { Help = true };
                case "--wrap":
                    options = options with { Wrap = true };
                    break;
                case "--play" when i + 1 < arguments.Count:
                    options = options with { Play = arguments[++i] };
                    break;
                case "--play":
                    throw new FormatException("--play needs a file");
                case "--":
                    options = options with { Server = [.. arguments.Skip(i + 1)] };
                    i = arguments.Count;
                    break;
                case ['-', ..] unknown:
                    throw new FormatException($"unknown option {unknown}");
                case var socket when options.Socket is null:
                    options = options with { Socket = socket };
                    break;
                case var extra:
                    throw new FormatException($"unexpected argument {extra}");
            }
        }

        options.Check();
        return options;
    }

    private void Check()
    {
        if (Wrap && Socket is not null)
            throw new FormatException("--wrap makes a socket of its own");
        if (!Wrap && Server.Count > 0)
            throw new FormatException("a program after -- needs --wrap");
        if (!Wrap && Socket is null)
            throw new FormatException("give a SOCKET, or --wrap");
    }
}
