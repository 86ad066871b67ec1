using System.Runtime.InteropServices;

namespace Hostmemd.Startup;

/// <summary>SIGTERM, SIGINT and SIGHUP, taken from here on: the daemon ends in order, and its sockets' files go with it.</summary>
/// <remarks>Taken until the process has ended: a second one, while it ends in order, must not make that a death by signal.</remarks>
internal sealed class EndSignals
{
    private readonly TaskCompletionSource _received = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Held: a registration that nobody has is taken back.
    private readonly PosixSignalRegistration[] _registrations;

    public EndSignals() => _registrations = [On(PosixSignal.SIGTERM), On(PosixSignal.SIGINT), On(PosixSignal.SIGHUP)];

    /// <summary>Completes with the first of them.</summary>
    public Task Received => _received.Task;

    /// <summary>Keeps them; to be called last.</summary>
    public void HoldToTheEnd() => GC.KeepAlive(_registrations);

    private PosixSignalRegistration On(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        _received.TrySetResult();
    });
}
