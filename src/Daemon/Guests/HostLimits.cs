using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Guests;

/// <summary>What the host allows this process of descriptors and mappings, and how much of it is used. Any thread; unknown is null and no limit.</summary>
internal sealed class HostLimits(IKernel kernel, HostFiles host)
{
    /// <summary>Kept for clients, helpers and threads when backends take the rest.</summary>
    private const ulong DescriptorsKept = 64;

    private const ulong MappingsKept = 256;

    /// <summary>That close to the limit the mappings are counted, which takes milliseconds there.</summary>
    private const ulong TooCloseToEstimate = 512;

    /// <summary>The memory, and the guard page behind it.</summary>
    private const ulong MappingsOfBackend = 2;

    private readonly DescriptorTable _descriptors = new(kernel);

    private readonly Lazy<ulong?> _mappingsMax = new(() => host.TryReadNumber("/proc/sys/vm/max_map_count"));

    /// <summary>Counted mappings but for those of backends; 0: never counted.</summary>
    private ulong _others;

    public ulong? DescriptorsUsed => _descriptors.Used;

    public ulong? DescriptorsMax => _descriptors.Most;

    public ulong? MappingsMax => _mappingsMax.Value;

    /// <summary>Exact when it was first asked for; from then on two more are counted for each backend.</summary>
    public ulong? MappingsUsed(GuestState state)
    {
        var ours = (ulong)state.Backends.Count * MappingsOfBackend;
        var others = Volatile.Read(ref _others);
        if (others == 0)
        {
            if (CountMappings() is not { } counted)
                return null;
            others = Math.Max(1, counted - Math.Min(counted, ours));
            Volatile.Write(ref _others, others);
        }
        return others + ours;
    }

    /// <summary>A client came: the next ones find room.</summary>
    /// <param name="socket">Its number is the lowest that was free.</param>
    public void NoteClient(SafeHandle socket) => _descriptors.KeepAhead((ulong)socket.DangerousGetHandle());

    /// <summary>Whether one more backend fits, before anything of it is made.</summary>
    /// <exception cref="QmpException">It does not; the limit is named.</exception>
    public void CheckRoomForBackend(GuestState state, string id, bool needsDescriptor)
    {
        if (needsDescriptor && DescriptorsUsed is { } open && DescriptorsMax is { } most)
        {
            if (open + DescriptorsKept >= most)
                throw ObjectErrors.NoRoom(id, "file descriptors", open, most, "the limit of open files (RLIMIT_NOFILE)");
            _descriptors.KeepAhead(open);
        }
        if (MappingsMax is not { } limit || MappingsUsed(state) is not { } mapped || mapped + TooCloseToEstimate < limit)
            return;
        if (CountMappings() is { } exactly && exactly + MappingsOfBackend + MappingsKept > limit)
            throw ObjectErrors.NoRoom(id, "mappings", exactly, limit, "vm.max_map_count");
    }

    /// <summary>A line of /proc/self/maps each.</summary>
    private ulong? CountMappings() => host.TryCountLines("/proc/self/maps");
}
