namespace Hostmemd.Guests;

/// <summary>One of the sockets that the guest is driven over, as QEMU's monitors and chardevs show it. Safe on any thread.</summary>
/// <param name="id">The name among the objects.</param>
/// <param name="label">The chardev's id.</param>
/// <param name="filename">Where it listens, as an option's argument.</param>
internal sealed class QmpMonitor(string id, string label, string filename)
{
    private int _clients;

    public string Id { get; } = id;

    public string Label { get; } = label;

    public string Filename { get; } = filename;

    /// <summary>Clients that are connected now.</summary>
    public int Clients => Volatile.Read(ref _clients);

    /// <summary>The name that QEMU gives what has none of its own, counted from 0.</summary>
    public static string DefaultName(int index) => $"compat_monitor{index}";

    public void ClientCame() => Interlocked.Increment(ref _clients);

    public void ClientLeft() => Interlocked.Decrement(ref _clients);
}
