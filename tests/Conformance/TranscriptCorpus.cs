namespace Hostmemd.Conformance;

/// <summary>The recorded transcripts, as they lie beside the test assembly.</summary>
internal static class TranscriptCorpus
{
    private static string Root => Path.Combine(AppContext.BaseDirectory, "transcripts");

    /// <summary>Every transcript as <c>folder/name.qmp</c>, sorted.</summary>
    public static IReadOnlyList<string> List() =>
    [
        .. Directory.EnumerateFiles(Root, "*.qmp", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file))
            .Order(StringComparer.Ordinal),
    ];

    public static TranscriptFile Load(string path) => TranscriptFile.Load(Path.Combine(Root, path));
}
