using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Hostmemd.Daemon.Tests.Processes;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>Plays systemd's part: the notification socket, the store of descriptors, and the start of a unit's process with what it has.</summary>
internal sealed class ServiceManager : IDisposable
{
    private readonly string _directory;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly LinuxKernel _kernel = new();
    private readonly Lock _gate = new();
    private readonly List<(string Name, SafeFileHandle File)> _store = [];
    private readonly List<string> _messages = [];

    public ServiceManager(string directory)
    {
        _directory = directory;
        _socket.Bind(new UnixDomainSocketEndPoint(directory + "/notify"));
        new Thread(Listen) { IsBackground = true }.Start();
    }

    /// <summary>Names of what is stored, in order.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_gate)
                return [.. _store.Select(entry => entry.Name)];
        }
    }

    /// <summary>Descriptors that there may be; what comes beyond that is closed, and nobody is told.</summary>
    public int Max { get; init; } = 1024;

    /// <summary>Whether the unit's process is told how many, as by systemd 254 and later.</summary>
    public bool TellsMax { get; init; }

    public IReadOnlyList<string> Messages
    {
        get
        {
            lock (_gate)
                return [.. _messages];
        }
    }

    /// <summary>Starts the daemon with the descriptors of the store, and waits until it answers.</summary>
    public async Task<ProcessFd> StartAsync(string options)
    {
        using var nowhere = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite);
        ProcessFd process;
        lock (_gate)
        {
            process = _kernel.Spawn(new SpawnOptions
            {
                Program = "/bin/sh",
                Arguments =
                [
                    "sh", "-c", "export LISTEN_PID=$$; exec \"$0\" \"$@\"", DaemonFixture.Program, .. options.Split(' '), "-keep", "systemd",
                    "-qmp", $"unix:{_directory}/qmp", "-D", $"{_directory}/log",
                ],
                Environment =
                [
                    .. System.Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().Select(one => $"{one.Key}={one.Value}"),
                    $"NOTIFY_SOCKET={_directory}/notify", $"LISTEN_FDS={_store.Count.ToString(CultureInfo.InvariantCulture)}",
                    $"LISTEN_FDNAMES={string.Join(':', _store.Select(entry => entry.Name))}",
                    .. TellsMax ? [$"FDSTORE={Max.ToString(CultureInfo.InvariantCulture)}"] : Array.Empty<string>(),
                ],
                Descriptors = [nowhere, nowhere, nowhere, .. _store.Select(entry => entry.File)],
            });
            _messages.Clear();
        }
        await Eventually.TrueAsync(() => Messages.Any(message => message.StartsWith("READY=1\n", StringComparison.Ordinal)), () => "READY=1");
        return process;
    }

    public void Kill(ProcessFd process)
    {
        _kernel.SendSignal(process, DaemonFixture.SigKill);
        _kernel.WaitFor(process);
        process.Dispose();
    }

    public void Dispose()
    {
        _socket.Dispose();
        foreach (var (_, file) in _store)
            file.Dispose();
    }

    private void Listen()
    {
        var buffer = new byte[4096];
        try
        {
            while (_socket.Poll(-1, SelectMode.SelectRead))
            {
                var descriptors = new List<SafeFileHandle>();
                var received = SocketMessages.Receive(_socket.SafeHandle, buffer, descriptors);
                if (!received.WouldBlock)
                    Take(Encoding.UTF8.GetString(buffer, 0, received.Bytes), descriptors);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or KernelException)
        {
            // The test is over.
        }
    }

    private void Take(string message, List<SafeFileHandle> descriptors)
    {
        var fields = message.Split('\n').Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        lock (_gate)
        {
            _messages.Add(message);
            if (fields.ContainsKey("FDSTORE") && _store.Count < Max)
                _store.Add((fields["FDNAME"], descriptors[0]));
            else if (fields.ContainsKey("FDSTOREREMOVE"))
                foreach (var gone in _store.Where(entry => entry.Name == fields["FDNAME"]).ToList())
                {
                    gone.File.Dispose();
                    _store.Remove(gone);
                }
            else
                descriptors.ForEach(descriptor => descriptor.Dispose());
        }
    }
}
