namespace Hostmemd.Conformance;

/// <summary>What a transcript's <c>needs</c> header can ask of the host.</summary>
internal static class HostNeeds
{
    public const string NoHugePages = "no-hugepages";

    /// <summary>Keeps the tests away that give the host huge pages for a while.</summary>
    public static async Task<FileStream> LockHugePagesAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return new FileStream(
                    Path.Combine(Path.GetTempPath(), "hostmemd-tests-hugepages.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(20, cancellation);
            }
        }
    }

    /// <summary>Null when the host has all of it, else what it lacks.</summary>
    public static string? Lacking(IReadOnlyList<string> needs)
    {
        string[] lacking = [.. needs.Where(need => !IsMet(need))];
        return lacking.Length == 0 ? null : $"this host lacks {string.Join(", ", lacking)}";
    }

    private static bool IsMet(string need) => need switch
    {
        "kvm" => CanOpenKvm(),
        NoHugePages => !HasFreeHugePages(),
        "one-node" => !Directory.Exists("/sys/devices/system/node/node1"),
        _ => throw new FormatException($"unknown need {need}"),
    };

    private static bool CanOpenKvm()
    {
        try
        {
            using FileStream kvm = new("/dev/kvm", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool HasFreeHugePages() =>
        File.ReadLines("/proc/meminfo").Any(line =>
            line.StartsWith("HugePages_Free:", StringComparison.Ordinal) && !line.EndsWith(" 0", StringComparison.Ordinal));
}
