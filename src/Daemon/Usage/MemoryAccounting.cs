using Hostmemd.Objects;

namespace Hostmemd.Usage;

/// <summary>What a guest keeps for counting its memory. Safe on any thread.</summary>
internal sealed class MemoryAccounting : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    public DeletedMemory Deleted { get; } = new();

    /// <summary>Scans on a thread of its own, one at a time: many clients that ask must not take all of <see cref="SlowWork"/>.</summary>
    public async Task<T> ScanAsync<T>(SlowWork slowWork, WorkOwner owner, Func<T> scan)
    {
        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            return await slowWork.RunAsync(owner, scan).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();
}
