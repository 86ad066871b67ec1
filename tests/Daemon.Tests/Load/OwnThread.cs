namespace Hostmemd.Daemon.Tests.Load;

/// <summary>Work that blocks, on a thread of its own: the pool has two.</summary>
internal static class OwnThread
{
    public static Task RunAsync(Action work) => RunAsync(() =>
    {
        work();
        return true;
    });

    public static Task<T> RunAsync<T>(Func<T> work)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                result.SetResult(work());
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        }).Start();
        return result.Task;
    }
}
