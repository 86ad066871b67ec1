using System.Net.Sockets;
using Hostmemd.Kvm;
using Hostmemd.Populate;
using Hostmemd.Startup;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Keeping;

/// <summary>In the keeper: waits for the next daemon, and starts it where it was told to. One thread.</summary>
internal sealed class SuccessorStart : IDisposable
{
    private const ulong Daemon = 0;
    private const ulong Child = 1;

    /// <summary>A daemon that ends sooner than this after its start does so again, and is waited for before the next try.</summary>
    private static readonly TimeSpan ShortLife = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly IKernel _kernel;
    private readonly Socket _listening;
    private readonly SafeFileHandle _epoll;
    private string[]? _arguments;
    private SafeFileHandle? _error;
    private ProcessFd? _child;
    private long _started;
    private TimeSpan _pause;
    private bool _hadDaemon;

    public SuccessorStart(IKernel kernel, Socket listening)
    {
        (_kernel, _listening, _epoll) = (kernel, listening, kernel.EpollCreate());
        kernel.EpollAdd(_epoll, listening.SafeHandle, Daemon);
    }

    /// <summary>How the next daemon is to be started.</summary>
    /// <param name="arguments">With zero bytes between; empty: it is not.</param>
    /// <param name="error">Its standard error; owned from now on.</param>
    public void Set(string arguments, List<SafeFileHandle> error)
    {
        _error?.Dispose();
        _error = error.FirstOrDefault();
        _arguments = arguments.Length == 0 || _error is null ? null : arguments.Split('\0');
    }

    /// <summary>Waits for a daemon. The first is there already; those after it are started where that is wanted.</summary>
    public Socket Accept()
    {
        var tokens = new ulong[2];
        while (true)
        {
            if (_hadDaemon && _child is null && _arguments is not null)
                Start();
            foreach (var token in tokens.AsSpan(0, _kernel.EpollWait(_epoll, tokens)))
            {
                if (token == Child)
                    Reap();
                else
                {
                    _hadDaemon = true;
                    return _listening.Accept();
                }
            }
        }
    }

    public void Dispose()
    {
        _epoll.Dispose();
        _error?.Dispose();
        _child?.Dispose();
    }

    private void Start()
    {
        if (_started != 0 && TimeProvider.System.GetElapsedTime(_started) < ShortLife)
        {
            _pause = _pause == TimeSpan.Zero ? TimeSpan.FromMilliseconds(100) : _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
            _kernel.Pause(_pause);
        }
        else
        {
            _pause = TimeSpan.Zero;
        }
        _started = TimeProvider.System.GetTimestamp();
        using var nowhere = _kernel.Open("/dev/null", OpenFlags.ReadWrite, 0);
        var program = HelperProgram.Find();
        _child = _kernel.Spawn(new SpawnOptions
        {
            Program = program.Path,
            Arguments = program.CommandLine(ProcessName.Daemon, _arguments!),
            Environment = HelperProgram.EnvironmentOfHelper(),
            Descriptors = [nowhere, nowhere, _error!],
        });
        _kernel.EpollAdd(_epoll, _child, Child);
    }

    private void Reap()
    {
        _kernel.EpollRemove(_epoll, _child!);
        _kernel.WaitFor(_child!);
        _child!.Dispose();
        _child = null;
    }
}
