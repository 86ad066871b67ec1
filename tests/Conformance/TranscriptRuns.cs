using System.Collections.Concurrent;

namespace Hostmemd.Conformance;

/// <summary>
/// Runs transcripts ahead of the cases that ask for them: xunit runs the cases of a class one after another, and most of a run is
/// waiting for silence.
/// </summary>
public sealed class TranscriptRuns : IAsyncLifetime, IDisposable
{
    /// <summary>One more runs when a case asks for a transcript that nobody has begun.</summary>
    private const int Ahead = 5;

    /// <summary>Far more than a step takes, on a machine that starts as many servers at once.</summary>
    private static readonly TimeSpan StepTimeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(30);

    private readonly string _program = Environment.GetEnvironmentVariable("HOSTMEMD_PROGRAM") ?? DaemonProgram.Find();
    private readonly ConcurrentQueue<string> _waiting = new(TranscriptCorpus.List());
    private readonly ConcurrentDictionary<string, TaskCompletionSource<string?>> _runs = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();
    private Task? _workers;

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>How the server differs from the transcript; null when it does not.</summary>
    internal async Task<string?> DifferenceAsync(string path)
    {
        // Cases come one at a time, so nobody else starts the workers.
        _workers ??= Task.WhenAll(Enumerable.Range(0, Ahead).Select(_ => WorkAsync()));
        await RunAsync(path);
        return await _runs[path].Task.WaitAsync(_stopping.Token);
    }

    public async Task DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_workers is { } workers)
            await workers.WaitAsync(StopDeadline);
    }

    public void Dispose() => _stopping.Dispose();

    private async Task WorkAsync()
    {
        await Task.Yield();
        while (!_stopping.IsCancellationRequested && _waiting.TryDequeue(out string? path))
            await RunAsync(path);
    }

    /// <summary>Runs the transcript unless someone did or does.</summary>
    private async Task RunAsync(string path)
    {
        var result = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_runs.TryAdd(path, result))
            return;
        try
        {
            result.SetResult(await PlayAsync(path));
        }
        catch (Exception e)
        {
            // The case that asks for it fails with it.
            result.SetException(e);
        }
    }

    private async Task<string?> PlayAsync(string path)
    {
        TranscriptFile file = TranscriptCorpus.Load(path);
        await using FileStream? pool = file.Needs.Contains(HostNeeds.NoHugePages) ? await HostNeeds.LockHugePagesAsync(_stopping.Token) : null;
        if (HostNeeds.Lacking(file.Needs) is { } reason)
            return reason;

        var directory = new ScratchDirectory();
        await using ServerProcess server = ServerProcess.Start(_program, TranscriptMachine.Arguments(file, directory.Path), directory);
        try
        {
            var session = new TranscriptSession { Connect = server.ConnectAsync, Directory = directory.Path, StepTimeout = StepTimeout };
            await TranscriptPlayer.PlayAsync(file, session, _stopping.Token);
            return null;
        }
        catch (ServerException e)
        {
            return e.Message;
        }
        catch (TranscriptMismatch e)
        {
            return server.Log.Length == 0 ? e.Message : $"{e.Message}\n    server log:\n{server.Log}";
        }
    }
}
