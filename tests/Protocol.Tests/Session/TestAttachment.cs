namespace Hostmemd.Protocol.Tests.Session;

/// <summary>Stands for a descriptor.</summary>
internal sealed class TestAttachment(string name) : IDisposable
{
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name { get; } = name;

    public bool IsDisposed => _disposed.Task.IsCompleted;

    public Task DisposedAsync() => _disposed.Task.WaitAsync(TestSession.Patience);

    public void Dispose() => _disposed.TrySetResult();
}
