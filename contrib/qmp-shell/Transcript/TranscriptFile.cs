using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>A recorded QMP conversation, read from a <c>.qmp</c> file; docs/transcripts.md describes the format.</summary>
internal sealed partial class TranscriptFile
{
    private readonly Dictionary<string, string> _headers = [];
    private readonly List<TranscriptStep> _steps = [];

    private TranscriptFile()
    {
    }

    public IReadOnlyList<TranscriptStep> Steps => _steps;

    /// <summary><c>core</c> or <c>wide</c>.</summary>
    public string? Scope => _headers.GetValueOrDefault("scope");

    /// <summary>The name of the machine it was recorded with, see <see cref="TranscriptMachine"/>.</summary>
    public string? Machine => _headers.GetValueOrDefault("machine");

    public IReadOnlyList<string> QemuArguments => Words("qemu-args");

    /// <summary>What the host must have.</summary>
    public IReadOnlyList<string> Needs => Words("needs");

    /// <summary>The least time a step gets; zero when the file does not say.</summary>
    public TimeSpan Timeout { get; private set; }

    /// <exception cref="TranscriptFormatException">A line cannot be read.</exception>
    public static TranscriptFile Load(string path) => Parse(path, File.ReadAllText(path));

    /// <exception cref="TranscriptFormatException">A line cannot be read.</exception>
    public static TranscriptFile Parse(string path, string text)
    {
        var file = new TranscriptFile();
        int lineNumber = 0;
        foreach (string line in text.Split('\n'))
        {
            lineNumber++;
            try
            {
                file.Add(line, lineNumber);
            }
            catch (Exception e) when (e is FormatException or JsonException or OverflowException)
            {
                throw new TranscriptFormatException(path, lineNumber, e.Message, e);
            }
        }

        return file;
    }

    private void Add(string line, int lineNumber)
    {
        if (line.Length == 0)
            return;

        if (line[0] == '#')
            AddHeader(line);
        else if (line.StartsWith("== ", StringComparison.Ordinal))
            _steps.Add(ParseDirective(line[3..].Trim(), lineNumber));
        else
            _steps.Add(ParseArrow(line, lineNumber));
    }

    private void AddHeader(string line)
    {
        Match header = HeaderLine().Match(line);
        if (!header.Success)
            return;
        _headers[header.Groups["key"].Value] = header.Groups["value"].Value.Trim();
        if (header.Groups["key"].Value == "timeout")
            Timeout = TimeSpan.FromSeconds(double.Parse(header.Groups["value"].Value, CultureInfo.InvariantCulture));
    }

    private static TranscriptStep ParseDirective(string text, int lineNumber)
    {
        Match match = Directive().Match(text);
        if (!match.Success)
            throw new FormatException($"unknown directive {text}");
        return new TranscriptStep(lineNumber, ClientNumber(match), TranscriptStepKind.Directive, text, default);
    }

    private static TranscriptStep ParseArrow(string line, int lineNumber)
    {
        Match match = ArrowLine().Match(line);
        if (!match.Success)
            throw new FormatException($"cannot read line: {line}");

        string text = match.Groups["text"].Value;
        TranscriptStepKind kind = match.Groups["arrow"].Value switch
        {
            "->" => TranscriptStepKind.Send,
            "=>" => TranscriptStepKind.SendBytes,
            "=fd>" => TranscriptStepKind.SendMemfd,
            "<-" => TranscriptStepKind.Receive,
            "<=" => TranscriptStepKind.ReceiveBytes,
            _ => TranscriptStepKind.Event,
        };
        return new TranscriptStep(lineNumber, ClientNumber(match), kind, text, ParseExpectation(kind, text));
    }

    private static int ClientNumber(Match match) =>
        match.Groups["client"] is { Length: > 0 } number ? int.Parse(number.Value, CultureInfo.InvariantCulture) : 1;

    // Everything that can be wrong in a line is found when the file is read, not half-way through a conversation.
    private static JsonElement ParseExpectation(TranscriptStepKind kind, string text)
    {
        switch (kind)
        {
            case TranscriptStepKind.Receive or TranscriptStepKind.Event:
                JsonElement value = JsonText.Parse(Encoding.UTF8.GetBytes(text));
                JsonPlaceholder.Validate(value);
                return value;
            case TranscriptStepKind.SendBytes or TranscriptStepKind.SendMemfd:
                if (EscapedBytes.ParseSend(text).Length == 0)
                    throw new FormatException("nothing to send");
                return default;
            case TranscriptStepKind.ReceiveBytes:
                _ = EscapedBytes.Parse(text);
                return default;
            default:
                return default;
        }
    }

    private string[] Words(string header) =>
        _headers.GetValueOrDefault(header, "").Split(' ', StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex("^# (?<key>scope|machine|qemu-args|timeout|needs): *(?<value>.*)$")]
    private static partial Regex HeaderLine();

    [GeneratedRegex(
        "^(new-client|(close|eof|quiet)( (?<client>[1-9][0-9]*))?|pause [0-9]{1,6}"
        + "|file [A-Za-z0-9_.-]+ [0-9]{1,15}|dir [A-Za-z0-9_.-]+)$")]
    private static partial Regex Directive();

    [GeneratedRegex("^(?<client>([1-9][0-9]*)?)(?<arrow>->|=fd>|=>|<-|<~|<=)(?: (?<text>.*))?$")]
    private static partial Regex ArrowLine();
}
