using System.Globalization;
using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Lending;

/// <summary>Which ways a backend can go, and why it cannot go the others.</summary>
internal static class LoanWays
{
    /// <param name="heldBy">The VMM that has it, in words; null: none has.</param>
    /// <param name="fileSize">Bytes of the file; null: it cannot be asked.</param>
    public static List<MemoryLoanWay> Of(PublishedBackend published, string? heldBy, ulong? fileSize)
    {
        var held = heldBy is null ? null : $"it is held by {heldBy}";
        var shared = WhyNotShared(published);
        var path = shared ?? WhyNoPath(published, fileSize) ?? held;
        var cpr = shared ?? WhyNoCpr(published, fileSize) ?? held;
        var entry = path is null ? PathOf(published) : null;
        return
        [
            new MemoryLoanWay
            {
                Method = MemoryLoanMethod.Path, Usable = path is null, Reason = path,
                Path = entry, QemuObject = entry is null ? null : ObjectByPath(published, entry),
            },
            Way(MemoryLoanMethod.Descriptor, published.Backend.File is null ? WhyNotShared(published) : null),
            new MemoryLoanWay
            {
                Method = MemoryLoanMethod.Cpr, Usable = cpr is null, Reason = cpr, QemuObject = cpr is null ? ObjectByCpr(published) : null,
            },
            Way(MemoryLoanMethod.VhostUser, shared),
            Way(MemoryLoanMethod.VhostKernel, published.Backend.Memory.IsReadOnly ? "it is read-only" : null),
        ];
    }

    /// <summary>Why a way is closed for good; null: it is not.</summary>
    public static string? WhyNot(PublishedBackend published, MemoryLendMethod method, ulong? fileSize) => method switch
    {
        MemoryLendMethod.Cpr => WhyNotShared(published) ?? WhyNoCpr(published, fileSize),
        MemoryLendMethod.VhostUser => WhyNotShared(published) ?? WhyTooSmall(published, fileSize),
        _ => published.Backend.Memory.IsReadOnly ? "it is read-only" : null,
    };

    /// <summary>Bytes of a backend's file; null: it has none, or cannot be asked.</summary>
    public static ulong? FileSize(IKernel kernel, PublishedBackend published)
    {
        if (published.Properties is MemfdProperties { IsGuestMemfd: false, Seal: not false })
            return published.Properties.Size; // nobody can change it
        try
        {
            return published.Backend.File is { Handle: var file } ? kernel.Fstat(file).Size : null;
        }
        catch (Exception e) when (e is KernelException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>The file's own path; null: it has none, and is reached through /proc alone.</summary>
    public static string? FilePath(PublishedBackend published) =>
        published.Properties is FileProperties { MemPath: var path } && !path.StartsWith("/dev/fdset/", StringComparison.Ordinal) && File.Exists(path)
            ? Path.GetFullPath(path)
            : null;

    /// <summary>What an entry in the lending directory leads to.</summary>
    public static string Target(PublishedBackend published) => FilePath(published) ?? ProcPath(published);

    private static string PathOf(PublishedBackend published) => published.Loan.Entry ?? Target(published);

    private static string ProcPath(PublishedBackend published)
    {
        var number = published.Backend.File!.Handle.DangerousGetHandle();
        return string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{number}");
    }

    private static MemoryLoanWay Way(MemoryLoanMethod method, string? reason) => new() { Method = method, Usable = reason is null, Reason = reason };

    private static string? WhyNotShared(PublishedBackend published) => published.Backend.File switch
    {
        null => "it is private anonymous memory, use 'share=on'",
        { IsShared: false } => "writes to it stay with the daemon ('share=off'), use 'share=on'",
        _ => null,
    };

    private static string? WhyNoPath(PublishedBackend published, ulong? fileSize) =>
        published.Backend.IsGuestMemfd ? "a guest_memfd must never be opened through /proc, use 'cpr'"
        : published.Loan.PathRefusal is { } refusal ? $"{refusal}, use 'cpr'"
        : WhyTooSmall(published, fileSize);

    /// <summary>QEMU maps what comes by CPR from the start of the file, writable, and does not look whether it is long enough.</summary>
    private static string? WhyNoCpr(PublishedBackend published, ulong? fileSize) =>
        published.Backend.Memory.IsReadOnly ? "it is read-only"
        : published.Backend.File!.Offset != 0 ? "it does not begin where its file begins ('offset')"
        : published.Backend.IsGuestMemfd && fileSize != published.Backend.Memory.Size
            ? $"its guest_memfd has {fileSize} bytes, not {published.Backend.Memory.Size}"
        : WhyTooSmall(published, fileSize);

    private static string? WhyTooSmall(PublishedBackend published, ulong? fileSize) =>
        fileSize is { } size && size < published.Backend.File!.Offset + published.Properties.Size
            ? $"its file has {size} bytes, which do not hold {published.Properties.Size} at offset {published.Backend.File.Offset}"
            : null;

    private static string ObjectByPath(PublishedBackend published, string path)
    {
        var offset = published.Backend.File!.Offset;
        var behind = offset == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", \"offset\": {offset}");
        if (published.Backend.Memory.IsReadOnly)
            behind += ", \"readonly\": true";
        return Object(published, "memory-backend-file", $", \"mem-path\": {JsonText.Quoted(path)}", behind);
    }

    private static string ObjectByCpr(PublishedBackend published) => Object(published, "memory-backend-memfd", "", "");

    /// <summary>An id needs no escape: it is letters, digits, '-', '.' and '_'.</summary>
    private static string Object(PublishedBackend published, string type, string before, string behind) => string.Create(
        CultureInfo.InvariantCulture,
        $"{{\"qom-type\": \"{type}\", \"id\": \"{published.Backend.Id}\"{before}, \"size\": {published.Properties.Size}, \"share\": true{behind}}}");
}
