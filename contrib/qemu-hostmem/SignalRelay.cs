using System.Runtime.InteropServices;

namespace Hostmemd.QemuHostmem;

/// <summary>Takes signals in place of a child: before there is one they end the start, afterwards they are the child's.</summary>
internal sealed class SignalRelay : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly List<int> _early = [];
    private readonly Action _stop;
    private Child? _child;

    public SignalRelay(IEnumerable<int> signals, Action stop)
    {
        _stop = stop;
        foreach (var signal in signals)
            _registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                Take(signal);
            }));
    }

    /// <summary>Also what came too late to end the start.</summary>
    public void RelayTo(Child child)
    {
        lock (_gate)
        {
            _child = child;
            _early.ForEach(child.Signal);
        }
    }

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());

    private void Take(int signal)
    {
        lock (_gate)
        {
            if (_child is not null)
            {
                _child.Signal(signal);
                return;
            }
            _early.Add(signal);
        }
        _stop();
    }
}
