using System.Runtime.InteropServices;

namespace Hostmemd.Keeping;

/// <summary>Somebody outside of this process who has descriptors open for it, each under a name. Safe on any thread.</summary>
internal abstract class Keeper
{
    /// <summary>Its process, which is no borrower.</summary>
    public abstract int Pid { get; }

    /// <summary>Completes when it is gone.</summary>
    public abstract Task Ended { get; }

    /// <summary>It has descriptors of these names already: the program before this one in the same process gave them.</summary>
    public virtual void Resume(IReadOnlyCollection<string> names)
    {
    }

    /// <summary>Takes a place for a descriptor that is to come.</summary>
    /// <returns>null: it is taken; else why there is none.</returns>
    public virtual Task<string?> ReserveAsync(string name) => Task.FromResult<string?>(null);

    /// <summary>Gives back a place that <see cref="ReserveAsync"/> took, if it did: the descriptor does not come.</summary>
    public virtual Task CancelAsync(string name) => Task.CompletedTask;

    /// <summary>Gives it a descriptor, in place of one of that name. When this completes nothing that ends this process can lose it.</summary>
    /// <returns>false: it is gone, or the descriptor is closed.</returns>
    public abstract Task<bool> TryStoreAsync(string name, SafeHandle file);

    /// <summary>Has it close a descriptor.</summary>
    /// <param name="untilClosed">Completes when it has, or is gone; otherwise when it has been told so before all that is said afterwards.</param>
    public abstract Task ReleaseAsync(string name, bool untilClosed);

    /// <summary>Has it start this daemon again when it is gone.</summary>
    /// <param name="arguments">The daemon's; null: it is not to be started.</param>
    public abstract Task SetRestartAsync(IReadOnlyList<string>? arguments);

    /// <summary>Nothing is to be kept any more.</summary>
    public abstract Task QuitAsync();

    /// <summary>Takes a keeper that is gone out of the process table.</summary>
    public abstract Task ReapAsync();

    /// <summary>Leaves it with what it has.</summary>
    public abstract void Detach();
}
