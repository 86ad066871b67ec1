namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>
/// The calls of a trace that made one backend: found by its size, then by its descriptor's number and the address range that was reserved
/// for it. Whatever else the program's threads did is left out.
/// </summary>
internal sealed class BackendTrace
{
    private static readonly string[] Makers = ["memfd_create", "openat", "ioctl"];

    /// <summary>Parts of the paths under which a backend's file is opened in tests.</summary>
    private static readonly string[] ScratchPaths = ["/hostmemd-", "/dev/shm/"];

    private readonly List<(TraceCall Call, string Step)> _steps = [];

    /// <param name="size">Bytes; a size that nobody else maps.</param>
    public BackendTrace(IReadOnlyList<TraceCall> calls, ulong size)
    {
        const ulong largestAlignment = 2 << 20;
        const ulong guardPage = 4096;
        var reserve = calls.FirstOrDefault(call => call.Name == "mmap" && call.Arguments[0] == "NULL" && call.Says("PROT_NONE")
            && call.NumberAt(1) > size && call.NumberAt(1) <= size + largestAlignment + guardPage);
        if (reserve is { IsInjected: false })
            Reserved = (reserve.ResultNumber, reserve.ResultNumber + reserve.NumberAt(1));
        var map = calls.FirstOrDefault(call => call.Name == "mmap" && IsHere(call) && call.Says("MAP_FIXED"));
        var made = calls.TakeWhile(call => call != reserve)
            .LastOrDefault(call => Makers.Contains(call.Name) && (map is null ? IsMaker(call) : call.Result == map.Arguments[4]));
        var descriptor = made?.Result;
        var first = made ?? reserve;
        var isReserved = false;
        foreach (var call in calls.SkipWhile(call => call != first))
        {
            isReserved |= call == reserve;
            var step = call == made ? StepOfMaker(call)
                : call == reserve ? StepOfReserve(call)
                : IsUnlink(call, made) ? "unlink"
                : StepOfFile(call, descriptor) ?? (isReserved ? StepOfMemory(call, reserve!.Tid) : null);
            if (step is not null)
                _steps.Add((call, step));
        }
        NotUnmapped = Remainder(calls.SkipWhile(call => call != reserve).Where(call => call is { Name: "munmap", Result: "0" }));
        PopulatedBytes = calls.Where(call => call.Says("MADV_POPULATE_WRITE")).Aggregate(0UL, (sum, call) => sum + call.NumberAt(1));
    }

    /// <summary>Bytes of <see cref="Reserved"/> that are still mapped at the end.</summary>
    public ulong NotUnmapped { get; }

    /// <summary>By whichever process.</summary>
    public ulong PopulatedBytes { get; }

    public IReadOnlyList<TraceCall> Calls => [.. _steps.Select(step => step.Call)];

    /// <summary>What was done, in order; the same step several times on end is one.</summary>
    public IReadOnlyList<string> Steps =>
        [.. _steps.Select(step => step.Step).Where((step, index) => index == 0 || step != _steps[index - 1].Step)];

    /// <summary>The address range that was reserved; empty where that failed.</summary>
    private (ulong From, ulong To) Reserved { get; }

    /// <summary>It gives a backend's descriptor, or would have.</summary>
    public static bool IsMaker(TraceCall call) => call.Name switch
    {
        "memfd_create" => true,
        "ioctl" => IsCreateGuestMemfd(call),
        "openat" => ScratchPaths.Any(path => call.Arguments[1].Contains(path, StringComparison.Ordinal)),
        _ => false,
    };

    /// <summary>strace does not know its name yet: _IOWR(KVMIO, 0xd4, ...).</summary>
    private static bool IsCreateGuestMemfd(TraceCall call) =>
        call.Arguments[1].Contains("GUEST_MEMFD", StringComparison.Ordinal)
        || call.Arguments[1].Contains("0xae, 0xd4", StringComparison.Ordinal);

    private bool IsHere(TraceCall call) => call.NumberAt(0) >= Reserved.From && call.NumberAt(0) < Reserved.To;

    private static bool IsUnlink(TraceCall call, TraceCall? made) =>
        made is { Name: "openat" } && (call.Name is "unlink" or "unlinkat")
        && call.Arguments.Contains(made.Arguments[1]);

    private static string StepOfMaker(TraceCall call) =>
        call.Name == "ioctl" ? "guest_memfd"
        : call.Says("MFD_CLOEXEC") || call.Says("O_CLOEXEC") ? "descriptor, close-on-exec" : "descriptor";

    private static string StepOfReserve(TraceCall call) => call.Says("MAP_PRIVATE") && call.Says("MAP_ANONYMOUS") ? "reserve" : "odd reserve";

    private static string? StepOfFile(TraceCall call, string? descriptor) => call.Name switch
    {
        _ when descriptor is null || call.Arguments[0] != descriptor => null,
        "ftruncate" or "fallocate" => "size",
        "fcntl" when call.Says("F_ADD_SEALS") => "seals",
        "fcntl" when call.Says("F_SETFD") && call.Says("FD_CLOEXEC") => "close-on-exec",
        _ => null,
    };

    /// <summary>What is unmapped by other threads is not ours: the runtime may have found room for itself where we have trimmed.</summary>
    private string? StepOfMemory(TraceCall call, int tid) => call.Name switch
    {
        "mmap" when IsHere(call) && call.Says("MAP_FIXED") => call.Says("MAP_SHARED") ? "map shared" : "map private",
        "munmap" when IsHere(call) && call.Tid == tid => "trim",
        "madvise" when call.Says("MADV_POPULATE_WRITE") => "populate",
        "madvise" when IsHere(call) => "madvise",
        "mbind" when IsHere(call) => "mbind",
        _ => null,
    };

    /// <summary>Bytes of the reserved range that none of these calls gave back.</summary>
    private ulong Remainder(IEnumerable<TraceCall> unmaps)
    {
        var left = new List<(ulong From, ulong To)> { Reserved };
        foreach (var call in unmaps)
        {
            var (from, to) = (call.NumberAt(0), call.NumberAt(0) + call.NumberAt(1));
            left = [.. left
                .SelectMany(part => new[] { (part.From, To: Math.Min(part.To, from)), (From: Math.Max(part.From, to), part.To) })
                .Where(part => part.From < part.To)];
        }
        return left.Aggregate(0UL, (sum, part) => sum + (part.To - part.From));
    }
}
