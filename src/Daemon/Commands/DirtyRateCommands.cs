using Hostmemd.Api;
using Hostmemd.DirtyRate;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>How fast guest memory is written.</summary>
internal static class DirtyRateCommands
{
    private const long LeastTime = 50;
    private const long MostTime = 60000;
    private const long LeastSamples = 128;
    private const long MostSamples = 16384;
    private const long DefaultSamples = 512;

    /// <summary>Checks in QEMU's order. Answered when counting has begun.</summary>
    public static async ValueTask<Nothing> CalcAsync(Client client, CalcDirtyRateArguments arguments)
    {
        var guest = client.Guest;
        if (guest.DirtyRate.State.Status == DirtyRateStatus.Measuring)
            throw DirtyRateErrors.AlreadyMeasuring();
        var mode = arguments.Mode ?? DirtyRateMeasureMode.PageSampling;
        var milliseconds = arguments.CalcTimeUnit == TimeUnit.Millisecond ? arguments.CalcTime : Math.Clamp(arguments.CalcTime, -1, MostTime) * 1000;
        if (milliseconds is < LeastTime or > MostTime)
            throw DirtyRateErrors.TimeOutOfRange(LeastTime, MostTime);
        if (arguments.SamplePages is not null && mode != DirtyRateMeasureMode.PageSampling)
            throw DirtyRateErrors.SamplesWithoutSampling();
        if (arguments.SamplePages is < LeastSamples or > MostSamples)
            throw DirtyRateErrors.SamplesOutOfRange(LeastSamples, MostSamples);
        if (mode == DirtyRateMeasureMode.DirtyBitmap && guest.Vm is null)
            throw DirtyRateErrors.NeedsKvm();
        // With a ring KVM keeps no bitmaps.
        var logged = guest.Vm is { DirtyRingEntries: > 0 } ? DirtyRateMeasureMode.DirtyRing : DirtyRateMeasureMode.DirtyBitmap;
        if (mode != DirtyRateMeasureMode.PageSampling && mode != logged)
            throw DirtyRateErrors.NotEnabled(mode);
        var samples = mode == DirtyRateMeasureMode.PageSampling ? arguments.SamplePages ?? DefaultSamples : 0;
        await guest.DirtyRate.StartAsync(mode, milliseconds, samples).ConfigureAwait(false);
        return Nothing.Value;
    }

    public static DirtyRateInfo Query(Client client, QueryDirtyRateArguments arguments)
    {
        var state = client.Guest.DirtyRate.State;
        var unit = arguments.CalcTimeUnit ?? TimeUnit.Second;
        return new DirtyRateInfo
        {
            Rate = state.Rate,
            Status = state.Status,
            StartTime = state.StartTime,
            CalcTime = unit == TimeUnit.Second ? state.Milliseconds / 1000 : state.Milliseconds,
            CalcTimeUnit = unit,
            SamplePages = state.SamplePages,
            Mode = state.Mode,
            // All that is written is written by the one vCPU there is.
            VcpuRates = state is { Mode: DirtyRateMeasureMode.DirtyRing, Rate: { } rate }
                ? client.Guest.Probe.Made is null ? [] : [new DirtyRateVcpu { Rate = rate }]
                : null,
        };
    }
}
