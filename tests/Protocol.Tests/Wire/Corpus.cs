using System.Globalization;
using System.Text;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>One input of the corpus: the bytes, and what QEMU 11.1.3 made of them, one line for each value or error.</summary>
public sealed record CorpusCase(string Spelling, IReadOnlyList<string> Outcomes)
{
    /// <summary>The input; \n, \r, \t, \\ and \xNN are spelled so in the file.</summary>
    public byte[] Bytes()
    {
        var bytes = new List<byte>();
        for (var i = 0; i < Spelling.Length; i++)
        {
            if (Spelling[i] != '\\')
            {
                bytes.Add((byte)Spelling[i]);
                continue;
            }
            i++;
            bytes.Add(Spelling[i] switch
            {
                'n' => (byte)'\n',
                'r' => (byte)'\r',
                't' => (byte)'\t',
                '\\' => (byte)'\\',
                'x' => byte.Parse(Spelling.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
                var other => throw new FormatException($"\\{other} in the corpus"),
            });
            if (Spelling[i] == 'x')
                i += 2;
        }
        return [.. bytes];
    }
}

/// <summary>
/// Files of pairs: a line «> input», then an indented line for each outcome. «value» is a value without an id, «id X» an object whose id is X,
/// anything else the text of an error as it stands on the wire, "JSON parse error," left out.
/// </summary>
internal static class Corpus
{
    public static IReadOnlyList<CorpusCase> Read(string file)
    {
        var cases = new List<CorpusCase>();
        List<string> outcomes = [];
        foreach (var line in Lines(file))
        {
            if (line.StartsWith("> ", StringComparison.Ordinal))
            {
                outcomes = [];
                cases.Add(new CorpusCase(line[2..], outcomes));
            }
            else
            {
                outcomes.Add(line.Trim());
            }
        }
        return cases;
    }

    public static IEnumerable<string> Lines(string file)
    {
        using var stream = typeof(Corpus).Assembly.GetManifestResourceStream(file) ?? throw new FileNotFoundException(file);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
