using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>One iothread in query-iothreads' answer.</summary>
internal sealed class IothreadInfo : IQapiType
{
    internal string Id = "";
    internal long ThreadId;
    internal long PollMaxNs;
    internal long PollGrow;
    internal long PollShrink;
    internal long PollWeight;
    internal long AioMaxBatch;

    public static string TypeName => "IOThreadInfo";

    public void Visit(Visitor v)
    {
        v.Required("id", ref Id, "the object's id");
        v.Required("thread-id", ref ThreadId, "its thread, as the host counts; it waits and serves nothing");
        v.Required("poll-max-ns", ref PollMaxNs, "longest busy wait in nanoseconds");
        v.Required("poll-grow", ref PollGrow, "factor by which it grows");
        v.Required("poll-shrink", ref PollShrink, "divisor by which it shrinks");
        v.Required("poll-weight", ref PollWeight, "weight of the last measured interval");
        v.Required("aio-max-batch", ref AioMaxBatch, "requests in one batch");
    }
}
