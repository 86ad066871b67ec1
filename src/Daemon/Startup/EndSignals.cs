using System.Runtime.InteropServices;

namespace Hostmemd.Startup;

/// <summary>SIGTERM, SIGINT and SIGHUP, taken from here on: the daemon ends in order, and its sockets' files go with it.</summary>
internal sealed class EndSignals : IDisposable
{
    private readonly TaskCompletionSource _received = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    public EndSignals() => _registrations = [On(PosixSignal.SIGTERM), On(PosixSignal.SIGINT), On(PosixSignal.SIGHUP)];

    /// <summary>Completes with the first of them.</summary>
    public Task Received => _received.Task;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }

    private PosixSignalRegistration On(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        _received.TrySetResult();
    });
}
