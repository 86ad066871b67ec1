using System.Buffers.Binary;
using Hostmemd.Kvm;

namespace Hostmemd.Populate;

/// <summary>
/// What the helper process says: 16 bytes, little endian, written in one piece. Bytes done so far; or done with all of them; or
/// stopped after so many; or the errno of what failed.
/// </summary>
/// <param name="Kind">Progress, an end, or a failure.</param>
/// <param name="Errno">Of a failure; else 0.</param>
/// <param name="Value">Bytes; of a failure its <see cref="PopulateStep"/>.</param>
internal readonly record struct PopulateReport(PopulateReportKind Kind, int Errno, ulong Value)
{
    public const int Size = 16;

    public static PopulateReport Failure(KernelException e) => new(PopulateReportKind.Failed, e.Errno, (ulong)StepOf(e.Call));

    /// <returns>false: not what a helper writes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out PopulateReport report)
    {
        report = new(
            (PopulateReportKind)BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
        return report.Kind switch
        {
            PopulateReportKind.Progress or PopulateReportKind.Done or PopulateReportKind.Stopped => report.Errno == 0,
            PopulateReportKind.Failed => report.Errno is > 0 and < 4096 && report.Value is >= (ulong)PopulateStep.Map and <= (ulong)PopulateStep.Populate,
            _ => false,
        };
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes, (int)Kind);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], Errno);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], Value);
    }

    /// <summary>The step that a system call belongs to.</summary>
    public static PopulateStep StepOf(string call) => call switch
    {
        "sched_setaffinity" or "sched_getaffinity" => PopulateStep.Affinity,
        "set_mempolicy" or "get_mempolicy" or "mbind" => PopulateStep.Policy,
        "madvise(MADV_POPULATE_WRITE)" or "madvise(MADV_POPULATE_READ)" => PopulateStep.Populate,
        _ => PopulateStep.Map,
    };
}
