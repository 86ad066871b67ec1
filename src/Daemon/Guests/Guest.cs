using System.Collections.Immutable;
using Hostmemd.Api;
using Hostmemd.Commands;
using Hostmemd.Cpr;
using Hostmemd.Devices;
using Hostmemd.DirtyRate;
using Hostmemd.Jobs;
using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Lending;
using Hostmemd.Metrics;
using Hostmemd.Objects;
using Hostmemd.Populate;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Session;
using Hostmemd.Protocol.Wire;
using Hostmemd.Sessions;
using Hostmemd.Usage;
using Serilog;

namespace Hostmemd.Guests;

/// <summary>
/// One guest: its objects, VM thread, slots, DIMMs, named descriptors and the sessions that talk to it. Nothing of it is static; two guests
/// live in one process without knowing each other.
/// </summary>
/// <remarks>
/// <see cref="Change"/> is the one way to change what queries show. Its steps hold the owner's lock, are short and never wait; slow work is
/// done outside, under a claim (decision 0004). Events are posted inside the step, so that they leave in the order of the generations.
/// </remarks>
internal sealed class Guest : IAsyncDisposable
{
    private readonly Lock _owner = new();
    private readonly HashSet<string> _claimedIds = [];
    private readonly HashSet<string> _quarantinedIds = [];
    private readonly TaskCompletionSource<ShutdownCause> _shutdown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableHashSet<QmpSession> _sessions = [];
    private GuestState _state = new();

    private Guest(GuestOptions options, IKernel kernel, VmThread? vm, TimeProvider clock, ILogger log)
    {
        (Options, Kernel, Vm, Clock, Log) = (options, kernel, vm, clock, log);
        Dimms = new DimmBay(options.Machine);
        DirtyRate = new DirtyRateMeter(this);
        Limits = new HostLimits(kernel, options.Host);
        Populator = new Populator(this);
        Input = new InputBudget { Relieved = ReturnMemory };
        Jobs = new JobTable(this);
        Lending = new Lender(this);
        Kept = new KeptState(this);
        Descriptors = new NamedDescriptors { Closed = Lending.Vhost.End };
    }

    public GuestOptions Options { get; }

    public Machine Machine => Options.Machine;

    public IKernel Kernel { get; }

    /// <summary>null with accel=none.</summary>
    public VmThread? Vm { get; }

    public TimeProvider Clock { get; }

    public ILogger Log { get; }

    /// <summary>Where DIMMs go. Only inside <see cref="Owned"/>, but for finding one.</summary>
    public DimmBay Dimms { get; }

    /// <summary>What the input of all its clients may take.</summary>
    public InputBudget Input { get; }

    public DirtyRateMeter DirtyRate { get; }

    public HostLimits Limits { get; }

    public NamedDescriptors Descriptors { get; }

    public FdSets FdSets { get; } = new();

    /// <summary>Who serves its clients.</summary>
    public SessionThreads SessionThreads { get; } = new();

    public SlowWork SlowWork { get; } = new();

    /// <summary>For whom slow work is done that no session asked for.</summary>
    public WorkOwner Work { get; } = new();

    public Populator Populator { get; }

    public JobTable Jobs { get; }

    public Lender Lending { get; }

    /// <summary>What outlives this process.</summary>
    public KeptState Kept { get; }

    /// <summary>How this process goes on as another program; null: it cannot, as in another program's process.</summary>
    public CprExec? Cpr { get; set; }

    /// <summary>What migrate does; nobody changes the value.</summary>
    public MigrateSetParametersArguments Migration { get; set; } = new();

    public MemoryAccounting Accounting { get; } = new();

    /// <summary>What was asked of it.</summary>
    public CommandCounters Counters { get; } = new();

    public GuestProbe Probe { get; } = new();

    public GuestMemfdKnowledge GuestMemfd { get; } = new();

    /// <summary>What queries show now; any thread.</summary>
    public GuestState State => Volatile.Read(ref _state);

    /// <summary>Completes with the cause when the guest is to end.</summary>
    public Task<ShutdownCause> ShutdownRequested => _shutdown.Task;

    /// <summary>Makes the guest: VM, RAM, slots. On failure nothing is left.</summary>
    /// <exception cref="KernelException">KVM cannot be used.</exception>
    /// <exception cref="DirtyRingException">KVM has no dirty ring of that size.</exception>
    /// <exception cref="QmpException">The machine's RAM cannot be had.</exception>
    public static async Task<Guest> StartAsync(GuestOptions options, IKernel kernel, TimeProvider clock, ILogger log)
    {
        var vm = options.UseKvm ? await VmThread.StartAsync(kernel, options.DirtyRingSize).ConfigureAwait(false) : null;
        var guest = new Guest(options, kernel, vm, clock, log);
        if (options.DirtyRingSize > 0 && vm is { DirtyRingEntries: 0 })
            log.Warning("KVM has no dirty ring: calc-dirty-rate has the mode dirty-bitmap");
        try
        {
            await guest.Lending.Paths.StartAsync().ConfigureAwait(false);
            await BaseMemory.AddAsync(guest).ConfigureAwait(false);
            return guest;
        }
        catch
        {
            await guest.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Publishes a change of state with the events that tell of it.</summary>
    /// <param name="step">From the state as it is to the next; short, waits for nothing. Where it throws or gives null nothing is published.</param>
    /// <param name="kept">The object that the change is about, where it outlives this process: written down before it is published.</param>
    public void Change(Func<GuestState, GuestState?> step, Func<GuestState, IEnumerable<EventMessage>>? events = null, string? kept = null)
    {
        lock (_owner)
        {
            var next = step(_state);
            if (next is null)
                return;
            next = next with { Generation = _state.Generation + 1 };
            if (kept is not null)
                Kept.Write(kept, next);
            Volatile.Write(ref _state, next);
            foreach (var message in events?.Invoke(next) ?? [])
                foreach (var session in _sessions)
                    session.Post(message, next.Generation);
        }
    }

    /// <summary>Works on what belongs to the owner without publishing: claims, DIMM places. Short, waits for nothing.</summary>
    public T Owned<T>(Func<GuestState, T> step)
    {
        lock (_owner)
            return step(_state);
    }

    /// <inheritdoc cref="Owned{T}(Func{GuestState, T})"/>
    public void Owned(Action<GuestState> step)
    {
        lock (_owner)
            step(_state);
    }

    /// <summary>Sends an event that tells of no change.</summary>
    public void Raise(EventMessage message)
    {
        lock (_owner)
            foreach (var session in _sessions)
                session.Post(message, 0);
    }

    /// <summary>Takes an object's id before slow work, so that nobody else can.</summary>
    /// <exception cref="QmpException">The id is taken.</exception>
    public void ClaimObjectId(string id) => Owned(state =>
    {
        if (id == QomNode.TypeProperty || state.Backends.ContainsKey(id) || state.Threads.ContainsKey(id) || IsMonitor(id) || !_claimedIds.Add(id))
            throw ObjectErrors.DuplicateId(id);
    });

    /// <summary>Shows a new backend to everybody; its claim ends.</summary>
    public void Publish(PublishedBackend added)
    {
        var backend = added.Backend;
        Change(
            state =>
            {
                _claimedIds.Remove(backend.Id);
                // The thread-context may have gone since it was looked up.
                if (added.Properties.PreallocContext is { Length: > 0 } context && !state.Threads.Values.Any(thread => thread.Thread.QomPath == context))
                    added.Properties.PreallocContext = "";
                return state with { Backends = state.Backends.Add(backend.Id, added) };
            },
            next => [Events.MemoryBackendAdded(backend, added.Properties.Size, next.Generation, Clock)],
            kept: backend.Id);
    }

    /// <summary>Shows a new iothread or thread-context to everybody; its claim ends.</summary>
    public void Publish(PublishedThread added) => Change(
        state =>
        {
            _claimedIds.Remove(added.Thread.Id);
            return state with { Threads = state.Threads.Add(added.Thread.Id, added) };
        },
        kept: added.Thread.Id);

    /// <summary>Whether the id is that of a monitor, of which there is one for each socket.</summary>
    public bool IsMonitor(string id) => Options.Monitors.Any(monitor => monitor.Id == id);

    public void ReleaseObjectId(string id) => Owned(_ =>
    {
        if (!_quarantinedIds.Contains(id))
            _claimedIds.Remove(id);
    });

    /// <summary>Keeps a claimed id for ever: something of what was made under it could not be taken back.</summary>
    public void QuarantineObjectId(string id) => Owned(_ => _quarantinedIds.Add(id));

    /// <summary>Ends the guest: SHUTDOWN to everybody, then <see cref="ShutdownRequested"/>. Once; later calls change nothing.</summary>
    public void Shutdown(ShutdownCause cause)
    {
        lock (_owner)
        {
            if (_shutdown.Task.IsCompleted)
                return;
            Change(state => state with { RunState = RunState.Shutdown }, _ => [Events.Shutdown(cause, Clock)]);
            _shutdown.SetResult(cause);
        }
    }

    /// <summary>Counts on where the program before this one stopped; before the first client.</summary>
    public void Resume(ulong generation, RunState runState)
    {
        lock (_owner)
            Volatile.Write(ref _state, _state with { Generation = Math.Max(generation, _state.Generation) + 1, RunState = runState });
    }

    /// <summary>From here on the session gets events.</summary>
    public void Attach(QmpSession session) => Owned(_ => _sessions = _sessions.Add(session));

    public void Detach(QmpSession session) => Owned(_ => _sessions = _sessions.Remove(session));

    /// <summary>
    /// After large input: on a host whose RAM is sold to guests the heap does not keep what it may need again. While there is more of it
    /// nothing is moved, as everybody would wait for that.
    /// </summary>
    private void ReturnMemory() => ThreadPool.UnsafeQueueUserWorkItem(
        static guest =>
        {
            var isLittleLeft = guest.Input.Used < InputBudget.LargeValue;
            GC.Collect(GC.MaxGeneration, isLittleLeft ? GCCollectionMode.Aggressive : GCCollectionMode.Forced, blocking: true, compacting: isLittleLeft);
        },
        this,
        preferLocal: false);

    /// <summary>Unplugs, unmaps and closes everything, slots before memory. What fails is logged; the rest goes on.</summary>
    public async ValueTask DisposeAsync()
    {
        await DirtyRate.DisposeAsync().ConfigureAwait(false);
        await Jobs.DisposeAsync().ConfigureAwait(false);
        await Populator.DisposeAsync().ConfigureAwait(false);
        try
        {
            await Probe.DisposeAsync().ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            Log.Error("The probe vCPU could not be released: {Error}", e.Message);
        }
        if (Vm is not null)
            await Vm.DisposeAsync().ConfigureAwait(false);
        Lending.Dispose();
        foreach (var (_, published) in State.Backends)
        {
            // A start that failed has not taken over what it found.
            if (!Kept.IsInherited)
                published.DiscardIfAsked(Log);
            published.Backend.TryClose(Log);
        }
        foreach (var (_, published) in State.Threads)
            published.Thread.Close();
        Descriptors.Dispose();
        FdSets.Dispose();
        Accounting.Dispose();
        Kept.Dispose();
        SessionThreads.Dispose();
    }
}
