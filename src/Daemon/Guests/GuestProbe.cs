using Hostmemd.Kvm;

namespace Hostmemd.Guests;

/// <summary>The guest's probe vCPU, made when it is first used; its private slot shows in query-memory-slots from then on.</summary>
internal sealed class GuestProbe : IAsyncDisposable
{
    private readonly SemaphoreSlim _making = new(1);
    private ProbeVcpu? _vcpu;

    /// <summary>The vCPU where somebody has used it; null: there is none yet.</summary>
    public ProbeVcpu? Made => Volatile.Read(ref _vcpu);

    /// <summary>The vCPU.</summary>
    /// <exception cref="KernelException">KVM cannot make one.</exception>
    public async ValueTask<ProbeVcpu> GetAsync(Guest guest, VmThread vm)
    {
        if (Volatile.Read(ref _vcpu) is { } known)
            return known;
        await _making.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_vcpu is not null)
                return _vcpu;
            var made = await ProbeVcpu.CreateAsync(vm, guest.Machine.AboveMap, leak => guest.Log.Error("Probe memory leaked: {Leak}", leak))
                .ConfigureAwait(false);
            guest.Change(state => state with { Slots = state.Slots.Add(new PublishedSlot(made.Slot, null, null)) });
            Volatile.Write(ref _vcpu, made);
            return made;
        }
        finally
        {
            _making.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_vcpu is not null)
            await _vcpu.DisposeAsync().ConfigureAwait(false);
        _making.Dispose();
    }
}
