using System.Collections.Immutable;
using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Session;

namespace Hostmemd.Jobs;

/// <summary>The jobs of a guest and what can be done to them. They outlive the session that made them, and end with the guest.</summary>
/// <remarks>Any thread may call. States, their order and what each takes as in QEMU 11.1.3.</remarks>
internal sealed class JobTable(Guest guest) : IAsyncDisposable
{
    /// <summary>How many there may be, concluded ones too: each that goes on may have a process.</summary>
    public const int Limit = 64;

    // Inside the owner's steps alone.
    private readonly HashSet<PreallocJob> _unfinished = [];
    private bool _ending;

    /// <summary>Makes a job; it begins by <see cref="Begin"/>, which must follow.</summary>
    /// <exception cref="QmpException">The id is taken, there are too many, the backend is going or the guest is.</exception>
    public PreallocJob Add(PreallocOrder order)
    {
        var job = new PreallocJob(guest, order);
        guest.Change(
            state =>
            {
                if (_ending || state.RunState == RunState.Shutdown)
                    throw JobErrors.GuestEnds();
                if (state.Jobs.Any(other => other.Job.Id == order.Id))
                    throw JobErrors.IdInUse(order.Id);
                if (state.Jobs.Count >= Limit)
                    throw JobErrors.TooMany(Limit);
                order.Backend.BeginJob(order.Id);
                _unfinished.Add(job);
                return state with { Jobs = state.Jobs.Insert(0, new PublishedJob(job, JobStatus.Running)) };
            },
            _ => Tell(guest, order.Id, JobStatus.Created, JobStatus.Running));
        return job;
    }

    /// <summary>Lets a job begin. Returns at once.</summary>
    public void Begin(PreallocJob job) => _ = RunAsync(job);

    /// <returns>Completes when nothing of the job is at work.</returns>
    public async Task PauseAsync(string id)
    {
        var quiet = Task.CompletedTask;
        guest.Change(
            state =>
            {
                var job = Find(state, id, JobVerb.Pause).Job;
                quiet = job.PauseAsync();
                // Else whoever ends its slice tells.
                return quiet.IsCompleted ? With(state, job, JobStatus.Paused) : null;
            },
            _ => Tell(guest, id, JobStatus.Paused));
        await quiet.ConfigureAwait(false);
    }

    public void Resume(string id) => guest.Change(
        state =>
        {
            var published = Find(state, id);
            published.Job.Resume();
            return published.Status == JobStatus.Paused ? With(state, published.Job, JobStatus.Running) : null;
        },
        _ => Tell(guest, id, JobStatus.Running));

    /// <returns>Completes when the job has concluded.</returns>
    public Task CancelAsync(string id) => CancelAsync(guest.Owned(state => Find(state, id, JobVerb.Cancel).Job));

    public void Dismiss(string id) => guest.Change(
        state => state with { Jobs = state.Jobs.Remove(Find(state, id, JobVerb.Dismiss)) },
        _ => Tell(guest, id, JobStatus.Null));

    /// <summary>Ends all of them, and waits until nothing of them is left. Further calls wait too.</summary>
    public async ValueTask DisposeAsync()
    {
        var unfinished = guest.Owned(_ =>
        {
            _ending = true;
            return _unfinished.ToList();
        });
        await Task.WhenAll(unfinished.Select(CancelAsync)).ConfigureAwait(false);
        ImmutableList<PublishedJob> gone = [];
        guest.Change(
            state =>
            {
                gone = state.Jobs;
                return gone.Count == 0 ? null : state with { Jobs = [] };
            },
            _ => gone.SelectMany(job => Tell(guest, job.Job.Id, JobStatus.Null)));
        await Task.WhenAll(unfinished.Select(job => job.Ended)).ConfigureAwait(false);
    }

    /// <summary>The state with a job standing somewhere else.</summary>
    public static GuestState With(GuestState state, PreallocJob job, JobStatus status, string? error = null) =>
        state with { Jobs = state.Jobs.ConvertAll(other => other.Job == job ? other with { Status = status, Error = error } : other) };

    /// <summary>The events that tell of it.</summary>
    public static IEnumerable<EventMessage> Tell(Guest guest, string id, params JobStatus[] statuses) =>
        statuses.Select(status => Events.JobStatusChange(id, status, guest.Clock));

    private static PublishedJob Find(GuestState state, string id) => state.Jobs.Find(job => job.Job.Id == id) ?? throw JobErrors.NotFound();

    private static PublishedJob Find(GuestState state, string id, JobVerb verb)
    {
        var found = Find(state, id);
        found.Check(verb);
        return found;
    }

    /// <summary>A paused job runs again before it aborts (seen in QEMU 11.1.3).</summary>
    private async Task CancelAsync(PreallocJob job)
    {
        guest.Change(
            state =>
            {
                job.Unpause();
                return state.Jobs.Any(other => other.Job == job && other.Status == JobStatus.Paused) ? With(state, job, JobStatus.Running) : null;
            },
            _ => Tell(guest, job.Id, JobStatus.Running));
        await job.CancelAsync().ConfigureAwait(false);
    }

    private async Task RunAsync(PreallocJob job)
    {
        await job.RunAsync(error => Conclude(job, error)).ConfigureAwait(false);
        guest.Owned(_ => _unfinished.Remove(job));
    }

    private void Conclude(PreallocJob job, string? error)
    {
        var order = job.Order;
        guest.Change(
            state =>
            {
                order.Backend.EndJob(job.Id);
                var next = order.AutoDismiss
                    ? state with { Jobs = state.Jobs.RemoveAll(other => other.Job == job) }
                    : With(state, job, JobStatus.Concluded, error);
                return error is null ? WithPopulated(next, order) : next;
            },
            _ => Tell(guest, job.Id, [
                .. error is null ? new[] { JobStatus.Waiting, JobStatus.Pending } : [JobStatus.Aborting],
                JobStatus.Concluded,
                .. order.AutoDismiss ? new[] { JobStatus.Null } : [],
            ]),
            kept: order.Backend.Id);
    }

    /// <summary>The property prealloc turns true when nothing is missing.</summary>
    private static GuestState WithPopulated(GuestState state, PreallocOrder order)
    {
        var backend = order.Backend;
        backend.Populated.Add(order.Request.Offset, order.Request.Length);
        if (!backend.Populated.Cover(backend.Memory.Size)
            || !state.Backends.TryGetValue(backend.Id, out var current) || current.Backend != backend || current.Properties.Prealloc == true)
            return state;
        var changed = current.Properties.Clone();
        changed.Prealloc = true;
        return state with { Backends = state.Backends.SetItem(backend.Id, current with { Properties = changed }) };
    }
}
