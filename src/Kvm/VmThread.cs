namespace Hostmemd.Kvm;

/// <summary>The one thread, named "vm", that owns a VM and its slots. Everybody else sends it synchronous work.</summary>
/// <remarks>
/// The kernel would take slot ioctls from any thread of the process; one owner is what keeps table and kernel in step without a lock.
/// Queries of other threads do not come here: they read what the daemon published, as <see cref="MemorySlot"/> never changes.
/// </remarks>
public sealed class VmThread : IAsyncDisposable
{
    private readonly WorkThread _thread = new("vm");
    private Vm? _vm;

    private VmThread(IKernel kernel) => Kernel = kernel;

    public IKernel Kernel { get; }

    /// <summary>Immutable: any thread.</summary>
    public KvmCapabilities Capabilities => Owned.Capabilities;

    /// <inheritdoc cref="Vm.DirtyRingEntries"/>
    public uint DirtyRingEntries => Owned.DirtyRingEntries;

    /// <summary>Work that waits for the thread; any thread may ask.</summary>
    public int Waiting => _thread.Waiting;

    private Vm Owned => _vm ?? throw new InvalidOperationException("The VM thread has not started.");

    /// <summary>Starts the thread and makes the VM on it.</summary>
    /// <exception cref="KernelException">No KVM, or not a usable one; the thread has ended again and nothing is open.</exception>
    /// <exception cref="DirtyRingException">There is no ring of that size.</exception>
    /// <param name="dirtyRing">As <see cref="Vm.Create"/>.</param>
    public static async Task<VmThread> StartAsync(IKernel kernel, uint dirtyRing = 0)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        var started = new VmThread(kernel);
        started._thread.Start();
        try
        {
            started._vm = await started._thread.RunAsync(() => Vm.Create(kernel, dirtyRing)).ConfigureAwait(false);
            return started;
        }
        catch
        {
            await started._thread.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Runs work on the VM thread. Synchronous and short: no waiting for anything, no slow work without KVM, no use of the VM afterwards.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The thread has ended.</exception>
    /// <remarks>
    /// The caller goes on elsewhere, never on the VM thread. More than 1,024 waiting items make the caller wait, without a thread.
    /// </remarks>
    public Task<T> RunAsync<T>(Func<Vm, T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        var vm = Owned;
        return _thread.RunAsync(() => work(vm));
    }

    /// <inheritdoc cref="RunAsync{T}(Func{Vm, T})"/>
    public Task RunAsync(Action<Vm> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return RunAsync(Returning(work));
    }

    /// <summary>
    /// As <see cref="RunAsync{T}(Func{Vm, T})"/>, but the caller goes on on the VM thread, which saves a hand-over to another one. For who has
    /// nothing left to do than to publish what was done and to answer: what waits or takes long would hold up the VM.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The thread has ended.</exception>
    public Task<T> RunAndStayAsync<T>(Func<Vm, T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        var vm = Owned;
        return _thread.RunAsync(() => work(vm), stay: true);
    }

    /// <inheritdoc cref="RunAndStayAsync{T}(Func{Vm, T})"/>
    public Task RunAndStayAsync(Action<Vm> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return RunAndStayAsync(Returning(work));
    }

    /// <summary>A bug if it throws.</summary>
    public void AssertOnThread() => Owned.AssertOnThread();

    /// <summary>
    /// Deletes the slots that are left, closes the VM and ends the thread. Work still queued fails with ObjectDisposedException.
    /// </summary>
    public async ValueTask DisposeAsync() => await _thread.EndAsync(() => _vm?.Close()).ConfigureAwait(false);

    private static Func<Vm, bool> Returning(Action<Vm> work) => vm =>
    {
        work(vm);
        return true;
    };
}
