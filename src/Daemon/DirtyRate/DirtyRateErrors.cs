using Hostmemd.Api;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.DirtyRate;

/// <summary>The error texts of calc-dirty-rate. Equal to QEMU 11.1.3's but for those marked as ours.</summary>
internal static class DirtyRateErrors
{
    public static QmpException AlreadyMeasuring() => new("the dirty rate is already being measured.");

    public static QmpException TimeOutOfRange(long least, long most) => new($"Calculation time is out of range [{least}ms, {most}ms].");

    public static QmpException SamplesWithoutSampling() => new("sample-pages is used only in page-sampling mode");

    public static QmpException SamplesOutOfRange(long least, long most) => new($"sample-pages is out of range[{least}, {most}].");

    public static QmpException NotEnabled(DirtyRateMeasureMode mode) =>
        new($"mode {DirtyRateInfo.Modes.NameOf(mode)} is not enabled, use other method instead.");

    /// <summary>Ours.</summary>
    public static QmpException NeedsKvm() => new("mode dirty-bitmap requires KVM, but the accelerator is 'none'; use mode page-sampling");

    /// <summary>Ours.</summary>
    public static QmpException BoundByDescriptor(uint slot, string memdev) =>
        new($"KVM slot {slot} of '{memdev}' is bound by descriptor, for which KVM keeps no dirty log; use mode page-sampling");

    /// <summary>Ours.</summary>
    public static QmpException Lent(string id, string borrowers) =>
        new($"Memory backend '{id}' is held by {borrowers}, whose writes cannot be told from the guest's");

    /// <summary>Ours.</summary>
    public static QmpException NoLog(uint slot, string error) => new($"KVM keeps no dirty log of slot {slot}: {error}");
}
