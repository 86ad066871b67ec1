using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Hostmemd.Guests;
using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Hostmemd.Sessions;
using Hostmemd.Startup;
using Microsoft.Win32.SafeHandles;
using Serilog;

namespace Hostmemd.Cpr;

/// <summary>What the program before this one in the same process has left by cpr-exec. Each piece is taken once; the rest goes with it.</summary>
internal sealed class Handover : IDisposable
{
    /// <summary>The variable that tells a program of it: the number of a descriptor, or <see cref="Question"/>.</summary>
    public const string Variable = "HOSTMEMD_CPR_EXEC";

    /// <summary>The program is only asked whether it would take over.</summary>
    public const string Question = "?";

    /// <summary>What it says then, and ends.</summary>
    public static readonly string Answer = $"hostmemd takes over layout {HandoverState.CurrentLayout}";

    private readonly HandoverState _state;
    private readonly Dictionary<uint, SafeFileHandle> _files = [];
    private readonly List<int> _socketOfListener = [];

    private Handover(HandoverState state, IKernel kernel)
    {
        _state = state;
        foreach (var number in Numbers(state))
        {
            var file = _files[number] = new SafeFileHandle((nint)number, ownsHandle: true);
            kernel.SetCloseOnExec(file);
        }
    }

    /// <summary>The program before this one asks whether its command line would do.</summary>
    public static bool IsAsked => Environment.GetEnvironmentVariable(Variable) == Question;

    /// <summary>The objects, as a record would say.</summary>
    public RecordContent Content => new([.. _state.Objects.Select(handed => handed.Kept)], []);

    /// <summary>What was left; null: this process has had no other program.</summary>
    /// <exception cref="OptionException">It cannot be read.</exception>
    public static Handover? Take(IKernel kernel)
    {
        if (!uint.TryParse(Environment.GetEnvironmentVariable(Variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return null;
        // Not for the programs that we start.
        Environment.SetEnvironmentVariable(Variable, null);
        try
        {
            using var text = new SafeFileHandle((nint)number, ownsHandle: true);
            var bytes = new byte[kernel.Fstat(text).Size];
            for (var have = 0; have < bytes.Length;)
                have += kernel.Pread(text, bytes.AsSpan(have), (ulong)have) is > 0 and var count ? count : throw new FormatException("it is cut off");
            return new Handover(Read(bytes), kernel);
        }
        catch (Exception e) when (e is KernelException or FormatException or QmpException or InvalidCastException)
        {
            throw new OptionException($"cpr-exec: what the program before left cannot be read: {e.Message}");
        }
    }

    /// <summary>Adds the sockets of a service manager, which no option names.</summary>
    public void AddActivatedTo(DaemonOptions options)
    {
        foreach (var socket in _state.Sockets.Where(socket => socket.OfServiceManager))
        {
            var listen = new ListenOptions("") { Option = SocketActivation.Option, Descriptor = (int?)socket.Given, ReadOnly = socket.ReadOnly };
            if (socket.Metrics)
                options.Metrics = listen;
            else
                options.Listen.Add(listen);
        }
    }

    /// <summary>Shows the options which of their sockets are there already.</summary>
    public void FindSocketsOf(DaemonOptions options, ILogger log)
    {
        for (var i = 0; i < options.Listen.Count; i++)
            options.Listen[i] = Find(options.Listen[i], isMetrics: false);
        if (options.Metrics is { } metrics)
            options.Metrics = Find(metrics, isMetrics: true);
        foreach (var socket in _state.Sockets.Where(socket => _files.ContainsKey(socket.Fd)))
            log.Warning("No option names {Path} any more, nobody listens there now", socket.Path);
    }

    /// <summary>The record, with its lock; null: there was none.</summary>
    public SafeFileHandle? TakeRecord() => _state.Record is { } number ? TakeFile(number) : null;

    /// <summary>Descriptors of the objects' memory, by id; the caller's.</summary>
    public Dictionary<string, SafeFileHandle> TakeMemory() => _state.Objects.Where(handed => handed.Fd is not null)
        .ToDictionary(handed => handed.Kept.Options.Id, handed => TakeFile(handed.Fd!.Value));

    /// <summary>Gives the guest what was the guest's, beside its objects.</summary>
    public void Restore(Guest guest)
    {
        foreach (var descriptor in _state.Descriptors)
        {
            if (descriptor.Name is { } name)
                guest.Descriptors.Set(name, TakeFile(descriptor.Fd));
            else if (descriptor.Set is { } set)
                guest.FdSets.Add(set, descriptor.Opaque, TakeFile(descriptor.Fd));
        }
        guest.Resume(_state.Generation, _state.RunState);
    }

    /// <summary>Goes on with the clients. One whose socket no option names is cut off.</summary>
    /// <param name="listeners">In the order of the options.</param>
    public void RestoreClients(IReadOnlyList<QmpListener> listeners)
    {
        foreach (var client in _state.Clients)
        {
            var at = _socketOfListener.IndexOf((int)client.Socket);
            if (at >= 0)
                listeners[at].Restore(new Socket(new SafeSocketHandle(TakeNumber(client.Fd), ownsHandle: true)), client.ToRestored(TakeFile));
        }
        Dispose();
    }

    /// <summary>Closes what nobody took.</summary>
    public void Dispose()
    {
        foreach (var file in _files.Values)
            file.Dispose();
        _files.Clear();
    }

    /// <summary>A part a line; an older program writes all in one.</summary>
    private static HandoverState Read(ReadOnlySpan<byte> lines)
    {
        HandoverState? whole = null;
        foreach (var line in lines.Split((byte)'\n'))
        {
            if (lines[line].IsEmpty)
                continue;
            var part = InputVisitor.Read<HandoverState>((JsonObject)JsonText.Parse(Encoding.UTF8.GetString(lines[line])));
            if (part.Layout != HandoverState.CurrentLayout)
                throw new FormatException($"layout {part.Layout} is not layout {HandoverState.CurrentLayout}");
            if (whole is null)
                whole = part;
            else
                whole.Add(part);
        }
        return whole ?? throw new FormatException("it is empty");
    }

    private static IEnumerable<uint> Numbers(HandoverState state) =>
    [
        .. state.Record is { } record ? [record] : Array.Empty<uint>(),
        .. state.Objects.Where(handed => handed.Fd is not null).Select(handed => handed.Fd!.Value),
        .. state.Sockets.Select(socket => socket.Fd),
        .. state.Clients.Select(client => client.Fd),
        .. state.Clients.SelectMany(client => client.Arrivals).SelectMany(arrival => arrival.Fds),
        .. state.Descriptors.Select(descriptor => descriptor.Fd),
    ];

    private SafeFileHandle TakeFile(uint number) =>
        _files.Remove(number, out var file) ? file : throw new InvalidOperationException($"descriptor {number} was taken before");

    /// <summary>A descriptor that somebody else owns from now on.</summary>
    private int TakeNumber(uint number)
    {
        TakeFile(number).SetHandleAsInvalid();
        return (int)number;
    }

    /// <summary>The option as it is, or with the socket that it means.</summary>
    private ListenOptions Find(ListenOptions options, bool isMetrics)
    {
        var at = _state.Sockets.FindIndex(socket => socket.Metrics == isMetrics && socket.Is(options) && _files.ContainsKey(socket.Fd));
        if (!isMetrics)
            _socketOfListener.Add(at);
        return at < 0 ? options : options with { Inherited = TakeNumber(_state.Sockets[at].Fd) };
    }
}
