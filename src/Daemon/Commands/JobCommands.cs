using Hostmemd.Api;
using Hostmemd.Jobs;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>Jobs: making them, looking at them, and QEMU's verbs.</summary>
internal static class JobCommands
{
    public static List<JobInfo> Query(Client client) => [.. client.Pin().Jobs.Select(job => job.ToInfo())];

    public static async ValueTask<Nothing> PauseAsync(Client client, IdArguments arguments)
    {
        await client.Guest.Jobs.PauseAsync(arguments.Id).ConfigureAwait(false);
        return Nothing.Value;
    }

    public static Nothing Resume(Client client, IdArguments arguments)
    {
        client.Guest.Jobs.Resume(arguments.Id);
        return Nothing.Value;
    }

    public static async ValueTask<Nothing> CancelAsync(Client client, IdArguments arguments)
    {
        await client.Guest.Jobs.CancelAsync(arguments.Id).ConfigureAwait(false);
        return Nothing.Value;
    }

    public static Nothing Dismiss(Client client, IdArguments arguments)
    {
        client.Guest.Jobs.Dismiss(arguments.Id);
        return Nothing.Value;
    }

    /// <exception cref="QmpException">An argument does not fit; nothing was begun.</exception>
    public static Nothing Prealloc(Client client, MemoryBackendPreallocArguments arguments)
    {
        var guest = client.Guest;
        if (!BackendRules.IsIdentifier(arguments.JobId))
            throw JobErrors.InvalidId(arguments.JobId);
        var (backend, properties) = BackendLookup.Find(guest, guest.State, arguments.Memdev);
        var (offset, length) = RangeOf(backend.Memory, arguments);
        if (arguments.Threads == 0)
            throw JobErrors.OutOfRange("threads", 1, uint.MaxValue);
        if (properties.Reserve == false)
            throw ObjectErrors.PreallocWithoutReserve();
        if (PreallocRules.Refusal(guest, properties, "length", length) is { } refusal)
            throw refusal;
        var whole = BackendFactory.WholeOf(guest, client.Work, backend, properties);
        var job = guest.Jobs.Add(new PreallocOrder(
            arguments.JobId,
            backend,
            whole with { Offset = offset, Length = length, Threads = arguments.Threads ?? whole.Threads },
            arguments.Speed ?? 0,
            arguments.AutoDismiss == true));
        // Its later states are told after the reply, however soon they come.
        client.Pin();
        guest.Jobs.Begin(job);
        return Nothing.Value;
    }

    private static (ulong Offset, ulong Length) RangeOf(MappedMemory memory, MemoryBackendPreallocArguments arguments)
    {
        var page = memory.BackingPageSize;
        var offset = arguments.Offset ?? 0;
        if (offset % page != 0)
            throw JobErrors.NotAligned("offset", page);
        if (offset >= memory.Size)
            throw JobErrors.OutOfRange("offset", 0, memory.Size - page);
        var rest = memory.Size - offset;
        var length = arguments.Length ?? rest;
        if (length % page != 0)
            throw JobErrors.NotAligned("length", page);
        if (length == 0 || length > rest)
            throw JobErrors.OutOfRange("length", page, rest);
        return (offset, length);
    }
}
