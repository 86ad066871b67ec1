using System.Globalization;

namespace Hostmemd.QemuHostmem;

/// <summary>What the user's command line of QEMU says about memory, and the command line with the backends added.</summary>
internal static class QemuArguments
{
    private const ulong DefaultRamSize = 128UL << 20;

    private static readonly string[] MachineOptions = ["-machine", "--machine", "-M", "--M"];

    /// <summary>What QEMU would find wrong late, or not at all.</summary>
    /// <exception cref="HostmemException">It does not fit the backends.</exception>
    public static void Check(IReadOnlyList<string> command, IReadOnlyList<ChosenBackend> backends)
    {
        foreach (var backend in backends)
            if (Values(command, "-object", "--object").Any(value => Names(value, backend.Id)))
                throw new HostmemException($"Memory backend '{backend.Id}' is named by an '-object' of QEMU too, leave that out");
        var ram = RamBackend(command);
        if (ram is null || backends.FirstOrDefault(backend => backend.Id == ram) is not { } used)
            return;
        if (used.IsLater)
            throw new HostmemException($"Memory backend '{ram}' is the machine's RAM and cannot come later");
        var given = Values(command, "-m", "--m").LastOrDefault();
        var size = SizeOf(given);
        if (size is not null && size != used.Size)
            throw new HostmemException(
                $"Memory backend '{ram}' has {used.Size} bytes, and QEMU's RAM {(given is null ? "is 128M by default" : $"is '-m {given}'")}: they must be equal");
    }

    /// <exception cref="HostmemException">It cannot be combined with CPR.</exception>
    public static void CheckForCpr(IReadOnlyList<string> command)
    {
        foreach (var argument in command)
            if (argument.TrimStart('-') is "incoming" or "daemonize" && argument.StartsWith('-'))
                throw new HostmemException($"'{argument}' cannot be used where memory goes by CPR");
    }

    public static bool StartsPaused(IReadOnlyList<string> command) => command.Any(argument => argument is "-S" or "--S");

    public static IEnumerable<string> Objects(IEnumerable<ChosenBackend> backends) =>
        backends.Where(backend => !backend.IsLater).SelectMany(backend => new[] { "-object", backend.QemuObject });

    /// <summary>A machine whose RAM is no backend gets one that can be handed over too: CPR wants all of its memory to be.</summary>
    public static string[] SharedRam(IReadOnlyList<string> command) =>
        RamBackend(command) is null && SizeOf(Values(command, "-m", "--m").LastOrDefault()) is { } size
            ? ["-object", $"memory-backend-memfd,id=qemu-hostmem-ram,size={size},share=on", "-machine", "memory-backend=qemu-hostmem-ram"]
            : [];

    /// <summary>KEY=VALUE pairs; the first may be a value alone.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Pairs(string text) =>
        text.Split(',').Select(part => part.Split('=', 2)).Select(part => KeyValuePair.Create(part.Length == 2 ? part[0] : "", part[^1]));

    private static string? RamBackend(IReadOnlyList<string> command) =>
        Values(command, MachineOptions).SelectMany(Pairs).LastOrDefault(pair => pair.Key == "memory-backend").Value;

    private static IEnumerable<string> Values(IReadOnlyList<string> command, params string[] options)
    {
        for (var i = 0; i + 1 < command.Count; i++)
            if (options.Contains(command[i]))
                yield return command[i + 1];
    }

    private static bool Names(string value, string id) => value.StartsWith('{')
        ? value.Replace(" ", "", StringComparison.Ordinal).Contains($"\"id\":\"{id}\"", StringComparison.Ordinal)
        : Pairs(value).Any(pair => pair.Key == "id" && pair.Value == id);

    /// <summary>Bytes of the argument of -m; null: it is for QEMU to say what is wrong with it.</summary>
    private static ulong? SizeOf(string? text)
    {
        if (text is null)
            return DefaultRamSize;
        var size = Pairs(text).FirstOrDefault(pair => pair.Key is "" or "size").Value;
        if (string.IsNullOrEmpty(size))
            return null;
        var shift = char.ToUpperInvariant(size[^1]) switch { 'B' => 0, 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => -1 };
        var digits = shift < 0 ? size : size[..^1];
        return ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number << (shift < 0 ? 20 : shift) : null;
    }
}
