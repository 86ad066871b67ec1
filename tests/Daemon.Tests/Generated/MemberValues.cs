namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>
/// Values for a member, as JSON text: those that may be right, and odd ones: of another type, at and beyond the limits, empty. Sizes are
/// small or beyond every address space, so that the answer does not depend on the host's memory. Not among them: what crashes QEMU 11.1.3
/// (sizes within an alignment of 2^64).
/// </summary>
internal static class MemberValues
{
    /// <summary>Stands for the scratch directory in requests and replies.</summary>
    public const string Directory = "@DIR@";

    private static readonly string[] OddFlags = ["\"on\"", "\"true\"", "1", "0", "null", "[]", "{}", "\"\""];

    private static readonly string[] OddNumbers =
    [
        "\"4096\"", "\"\"", "1.5", "4096.0", "1e3", "true", "null", "[]", "{}", "0", "-1", "-2", "2147483647", "2147483648", "4294967295",
        "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775808",
        "-9223372036854775809",
    ];

    private static readonly string[] RightSizes =
        ["4096", "8192", "65536", "1048576", "2097152", "2097152", "2097152", "4194304", "4096", "12288"];

    private static readonly string[] OddSizes =
    [
        "0", "1", "1000", "4095", "4097", "5000", "2097151", "-4294967296", "-9223372036854775808", "140737488355328",
        "4611686018427387904", "9223372036854775808", "9223372036854771712", "18446744073709551616", "\"2M\"", "\"4096\"", "\"\"", "4096.0", "1.5", "1e6", "true",
        "null", "[]", "[4096]", "{}",
    ];

    private static readonly string[] OddTexts = ["0", "true", "null", "[]", "{}", "[\"a\"]"];

    private static readonly string[] RightPaths =
        ["@DIR@/two", "@DIR@/two", "@DIR@/new", "@DIR@/other", "@DIR@/empty", "@DIR@", "@DIR@/sub", "@DIR@/sub/"];

    private static readonly string[] OddPaths =
    [
        "@DIR@/small", "@DIR@/none/file", "@DIR@/two/file", "@DIR@/none/", "", "/dev/null", "/dev/zero", "@DIR@/n\u00e4me", "@DIR@/a b",
        "@DIR@/" + new string('n', 256),
    ];

    public static IReadOnlyList<string> Right(KindMember member) => (member.Name, member.Shape) switch
    {
        ("size", _) => RightSizes,
        ("mem-path", _) => [.. RightPaths.Select(Quote)],
        ("prealloc-context", _) => ["\"t\"", "\"/objects/t\"", "\"\"", "\"\"", "\"\"", "\"\""],
        ("host-nodes", _) => ["[0]", "[0]", "[]", "[0, 0]"],
        ("cpu-affinity" or "node-affinity", _) => ["[0]", "[0, 0]"],
        ("prealloc-threads", _) => ["1", "2", "3", "64"],
        ("hugetlbsize", _) => ["2097152", "1073741824", "2097152"],
        ("align", _) => ["0", "4096", "65536", "2097152"],
        ("offset", _) => ["0", "4096", "1048576"],
        (_, MemberShape.Flag) => ["true", "false"],
        (_, MemberShape.Choice) => [.. member.Choices.Select(Quote)],
        _ => ["0", "1", "2", "8", "1000"],
    };

    public static IReadOnlyList<string> Odd(KindMember member) => (member.Name, member.Shape) switch
    {
        ("size", _) => OddSizes,
        ("mem-path", _) => [.. OddPaths.Select(Quote), .. OddTexts],
        ("prealloc-context", _) => ["\"a\"", "\"none\"", "\"/objects\"", "\"/\"", "\"a[0]\"", .. OddTexts],
        ("host-nodes", _) =>
        [
            "[1]", "[0, 1]", "[127]", "[128]", "[65535]", "[65536]", "[-1]", "[\"0\"]", "[1.5]", "[null]", "[[0]]", "0", "\"0\"", "{}", "null",
            "true",
        ],
        ("cpu-affinity" or "node-affinity", _) =>
            ["[]", "[65535]", "[65536]", "[-1]", "[\"0\"]", "[1.5]", "[null]", "[[0]]", "0", "\"0\"", "{}", "null", "true"],
        ("hugetlbsize", _) => ["3", "4096", "8388608", "4194304", "9223372036854775808", .. OddNumbers],
        ("align", _) => ["1", "1000", "4095", "3145728", "1073741824", .. OddNumbers],
        ("offset", _) => ["1", "512", "4095", "2097152", "9223372036854771712", .. OddNumbers],
        (_, MemberShape.Flag) => OddFlags,
        (_, MemberShape.Choice) => ["\"\"", "\"nothing\"", "\"DEFAULT\"", .. OddTexts],
        (_, MemberShape.Text) => OddTexts,
        _ => OddNumbers,
    };

    public static string Quote(string text) => "\"" + text + "\"";
}
