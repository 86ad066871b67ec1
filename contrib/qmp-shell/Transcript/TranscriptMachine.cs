namespace Hostmemd.QmpShell.Transcript;

/// <summary>The machines that transcripts name, as the arguments they were recorded with.</summary>
internal static class TranscriptMachine
{
    private const string Q35Memory = "-m 256M,maxmem=4G,slots=8 -nographic -nodefaults -S";

    /// <summary>The arguments of the server that <paramref name="file"/> wants; none when it names no machine.</summary>
    /// <param name="file">The transcript.</param>
    /// <param name="directory">What <c>@DIR@</c> stands for.</param>
    /// <exception cref="FormatException">The machine is not one of the table.</exception>
    public static IReadOnlyList<string> Arguments(TranscriptFile file, string directory)
    {
        string machine = file.Machine switch
        {
            null => "",
            "none" => "-machine none -nographic -nodefaults -S",
            "q35-kvm" => $"-M q35,accel=kvm {Q35Memory}",
            "q35-tcg" => $"-M q35,accel=tcg {Q35Memory}",
            "q35-qtest" => $"-M q35,accel=qtest {Q35Memory}",
            _ => throw new FormatException($"unknown machine {file.Machine}"),
        };
        return
        [
            .. machine.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            .. file.QemuArguments.Select(a => a.Replace(TranscriptPlayer.DirectoryPlaceholder, directory, StringComparison.Ordinal)),
        ];
    }
}
