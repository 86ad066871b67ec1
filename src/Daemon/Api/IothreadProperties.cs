using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>
/// The properties of iothread, for clients that always make some: kept and shown, and its thread is real, but there are no devices here that
/// it could serve.
/// </summary>
internal sealed class IothreadProperties : IQapiType
{
    internal long? AioMaxBatch;
    internal long? ThreadPoolMin;
    internal long? ThreadPoolMax;
    internal long? PollMaxNs;
    internal long? PollGrow;
    internal long? PollShrink;
    internal long? PollWeight;

    public static string TypeName => "IothreadProperties";

    public void Visit(Visitor v)
    {
        v.Optional("aio-max-batch", ref AioMaxBatch, "requests in one batch; no effect, there are no devices", qomDescribed: false);
        v.Optional("thread-pool-min", ref ThreadPoolMin, "workers kept ready; no effect", qomDescribed: false);
        v.Optional("thread-pool-max", ref ThreadPoolMax, "most workers; no effect", qomDescribed: false);
        v.Optional("poll-max-ns", ref PollMaxNs, "longest busy wait in nanoseconds; no effect", qomDescribed: false);
        v.Optional("poll-grow", ref PollGrow, "factor by which the busy wait grows; no effect", qomDescribed: false);
        v.Optional("poll-shrink", ref PollShrink, "divisor by which it shrinks; no effect", qomDescribed: false);
        v.Optional("poll-weight", ref PollWeight, "weight of the last measured interval; no effect", qomDescribed: false);
    }

    /// <summary>A copy of its own, to be changed before it is published.</summary>
    public IothreadProperties Clone() => (IothreadProperties)MemberwiseClone();

    /// <summary>Fills in every default; 0 asks for it where it is no value (seen in QEMU 11.1.3).</summary>
    public void FillDefaults()
    {
        AioMaxBatch ??= 0;
        ThreadPoolMin ??= 0;
        ThreadPoolMax ??= 64;
        PollMaxNs ??= 32768;
        PollGrow = PollGrow is null or 0 ? 2 : PollGrow;
        PollShrink = PollShrink is null or 0 ? 2 : PollShrink;
        PollWeight = PollWeight is null or 0 ? 3 : PollWeight;
    }
}
