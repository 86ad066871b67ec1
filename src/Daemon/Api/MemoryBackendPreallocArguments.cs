using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

internal sealed class MemoryBackendPreallocArguments : IQapiType
{
    internal string JobId = "";
    internal string Memdev = "";
    internal ulong? Offset;
    internal ulong? Length;
    internal uint? Threads;
    internal ulong? Speed;
    internal bool? AutoDismiss;

    public static string TypeName => "MemoryBackendPreallocArguments";

    public void Visit(Visitor v)
    {
        v.Required("job-id", ref JobId, "the job's id");
        v.Required("memdev", ref Memdev, "id or QOM path of the backend");
        v.Optional("offset", ref Offset, "where in the memory it begins; a multiple of its page, 0 unless given", IntegerKind.Size);
        v.Optional("length", ref Length, "bytes; a multiple of its page, all behind the offset unless given", IntegerKind.Size);
        v.Optional("threads", ref Threads, "how many work on it, at most one for each CPU and each 64 MiB; unless given the backend's prealloc-threads");
        v.Optional("speed", ref Speed, "bytes a second at most; 0, as unless given, is no limit", IntegerKind.Size);
        v.Optional("auto-dismiss", ref AutoDismiss, "the job is gone as soon as it has concluded; false unless given");
    }
}
