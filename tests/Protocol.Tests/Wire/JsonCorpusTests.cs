using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Tests.Wire;

/// <summary>The dialect: what QEMU 11.1.3 answered to each input of the corpus, whatever pieces it came in.</summary>
public class JsonCorpusTests
{
    private static readonly string[] Files = ["tokens.txt", "stray.txt", "syntax.txt", "strings.txt"];

    public static TheoryData<string, int> Cases()
    {
        var data = new TheoryData<string, int>();
        foreach (var file in Files)
            for (var i = 0; i < Corpus.Read(file).Count; i++)
                data.Add(file, i);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_input_comes_to_what_QEMU_makes_of_it(string file, int number)
    {
        var input = Case(file, number);
        Assert.Equal(input.Outcomes, Outcomes(input.Bytes()));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_place_where_input_is_split_changes_nothing(string file, int number)
    {
        var input = Case(file, number);
        var bytes = input.Bytes();
        for (var split = 1; split < bytes.Length; split++)
            Assert.Equal(input.Outcomes, Outcomes(bytes[..split], bytes[split..]));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Input_byte_by_byte_comes_to_the_same(string file, int number)
    {
        var input = Case(file, number);
        Assert.Equal(input.Outcomes, Outcomes([.. input.Bytes().Select(one => new[] { one })]));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void After_any_input_a_byte_FF_makes_a_clean_start(string file, int number)
    {
        var reader = new JsonReader();
        Read(reader, Case(file, number).Bytes());
        Read(reader, [0xFF]);
        Assert.Equal(["id 1"], Read(reader, """{"id": 1}"""u8));
    }

    private static CorpusCase Case(string file, int number) => Corpus.Read(file)[number];

    private static List<string> Outcomes(params byte[][] pieces)
    {
        var reader = new JsonReader();
        return [.. pieces.SelectMany(piece => Read(reader, piece))];
    }

    private static List<string> Read(JsonReader reader, ReadOnlySpan<byte> piece)
    {
        var outcomes = new List<string>();
        for (; reader.TryRead(piece, out var used, out var reading); piece = piece[used..])
            outcomes.Add(Outcome(reading));
        return outcomes;
    }

    private static string Outcome(JsonReading reading)
    {
        if (reading.Error is { } error)
            return JsonText.Of(new JsonString(error)).Trim('"').Replace(" JSON parse error,", "", StringComparison.Ordinal);
        return reading.Value is JsonObject value && value.TryGet("id", out var id) ? $"id {id}" : "value";
    }
}
