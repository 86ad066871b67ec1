namespace Hostmemd.QemuHostmem;

/// <summary>What the command line asked for.</summary>
/// <param name="Socket">The daemon's QMP socket.</param>
/// <param name="Backends">Ids of backends in the daemon, and of objects in QEMU.</param>
/// <param name="Command">The program with its arguments.</param>
/// <param name="AlwaysByCpr">Every backend goes by CPR, those that could be opened too.</param>
internal sealed record HostmemOptions(string Socket, IReadOnlyList<WantedBackend> Backends, IReadOnlyList<string> Command, bool AlwaysByCpr)
{
    public const string Usage =
        """
        usage: qemu-hostmem [--cpr] SOCKET BACKEND[,later]... -- QEMU [ARGUMENT]...

        Starts an unmodified QEMU with memory backends of hostmemd, whose QMP socket is SOCKET.
        Each BACKEND becomes an object of that id; ARGUMENTs use it, as in
          -machine memory-backend=ID    -device pc-dimm,memdev=ID
          BACKEND,later                 not made now: object-add may ask for it while the guest runs
          --cpr                         hand over by CPR also what QEMU could open
        Signals and the exit status are those of QEMU.
        """;

    private const string Later = ",later";

    /// <exception cref="FormatException">It is used wrongly.</exception>
    public static HostmemOptions Parse(IReadOnlyList<string> arguments)
    {
        var end = arguments.ToList().IndexOf("--");
        if (end < 0 || end == arguments.Count - 1)
            throw new FormatException("'--' and the command of QEMU are missing");
        var own = arguments.Take(end).ToList();
        var alwaysByCpr = own.Remove("--cpr");
        if (own.Find(argument => argument.StartsWith('-')) is { } unknown)
            throw new FormatException($"{unknown}: invalid option");
        if (own.Count < 2)
            throw new FormatException("SOCKET and BACKEND are missing");
        var backends = own.Skip(1).Select(text => text.EndsWith(Later, StringComparison.Ordinal)
            ? new WantedBackend(text[..^Later.Length], IsLater: true)
            : new WantedBackend(text, IsLater: false)).ToList();
        if (backends.GroupBy(backend => backend.Id).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new FormatException($"backend '{twice.Key}' is given twice");
        return new HostmemOptions(own[0], backends, [.. arguments.Skip(end + 1)], alwaysByCpr);
    }
}
