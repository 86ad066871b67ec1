using System.Text;

namespace Hostmemd.Benchmarks;

/// <summary>Messages that differ in what they cost.</summary>
internal static class Inputs
{
    public const string QueryStatus = """{"execute": "query-status"}""";

    public static byte[] Of(string name) => name switch
    {
        // What clients send nearly always.
        "small" => Line("""
            {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m0", "size": 2097152, "share": true}, "id": 7}
            """),
        "string 1 MB" => Line("""{"execute": "query-status", "id": " """.TrimEnd() + new string('x', 1 << 20) + "\"}"),
        "escapes 1 MB" => Line("""{"execute": "query-status", "id": " """.TrimEnd() + string.Concat(Enumerable.Repeat("\\u00e9\\n", 1 << 17)) + "\"}"),
        "deep" => Line(new string('[', 1000) + new string(']', 1000)),
        "many tokens" => Line("[" + string.Join(", ", Enumerable.Range(0, 100_000)) + "]"),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    public static byte[] Line(string text) => Encoding.ASCII.GetBytes(text + "\n");
}
