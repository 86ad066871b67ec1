namespace Hostmemd.Objects;

/// <summary>
/// Runs what may take seconds on threads of its own, four at a time, in the order it was asked for: the pool's two threads serve all
/// sessions, and many at once would only take each other's memory bandwidth.
/// </summary>
internal sealed class SlowWork : IDisposable
{
    private const int AtOnce = 4;

    private readonly SemaphoreSlim _free = new(AtOnce);

    public Task RunAsync(Action work) => RunAsync(() =>
    {
        work();
        return true;
    });

    /// <inheritdoc cref="RunAsync(Action)"/>
    public async Task<T> RunAsync<T>(Func<T> work)
    {
        await _free.WaitAsync().ConfigureAwait(false);
        try
        {
            return await OnOwnThreadAsync(work).ConfigureAwait(false);
        }
        finally
        {
            _free.Release();
        }
    }

    public void Dispose() => _free.Dispose();

    private static Task<T> OnOwnThreadAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        })
        { IsBackground = true, Name = "slow-work" };
        thread.Start();
        return done.Task;
    }
}
