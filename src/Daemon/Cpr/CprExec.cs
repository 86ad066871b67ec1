using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Keeping;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;

namespace Hostmemd.Cpr;

/// <summary>
/// QEMU's cpr-exec: the process goes on as another program, with the same memory, sockets and clients. Where that does not come about it goes
/// on as it was, and whoever asked is told why; where it does the new program answers (decision 0050).
/// </summary>
/// <param name="listeners">In the order of the guest's monitors.</param>
/// <param name="metrics">Where metrics are read from; null: nowhere.</param>
/// <param name="flushLog">Writes what was logged.</param>
internal sealed class CprExec(Guest guest, IReadOnlyList<QmpListener> listeners, ListeningSocket? metrics, Action flushLog)
{
    private int _busy;

    /// <summary>Goes on as another program. Returns only by its exception.</summary>
    /// <param name="asking">Whose command it is; the other program answers it.</param>
    /// <param name="command">The program, looked for in PATH, and its arguments; the first is its name.</param>
    /// <exception cref="QmpException">It does not, and why. Nothing has changed.</exception>
    public async Task RunAsync(Client asking, IReadOnlyList<string> command)
    {
        // Off the thread that has received the command: that one is to stand still too.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new QmpException("Another client's migrate is at work");
        try
        {
            CprCheck.Check(guest);
            await CprRehearsal.AskAsync(guest.Kernel, command).ConfigureAwait(false);
            using var clients = await HeldClients.HoldAsync(guest.Kernel, listeners, asking).ConfigureAwait(false);
            // Again: a command may have been answered in between.
            CprCheck.Check(guest);
            await guest.Kept.PauseAsync().ConfigureAwait(false);
            try
            {
                Execute(command, clients.All);
            }
            finally
            {
                await guest.Kept.ResumeAsync().ConfigureAwait(false);
            }
        }
        catch (KernelException e)
        {
            throw CprRehearsal.Refusal(command, Errno.Text(e.Errno));
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private void Execute(IReadOnlyList<string> command, IReadOnlyList<HeldClient> clients)
    {
        var passed = new List<SafeHandle>();
        var state = Describe(clients, file =>
        {
            passed.Add(file);
            return (uint)file.DangerousGetHandle();
        });
        using var text = new LineFile(guest.Kernel, guest.Kernel.MemfdCreate("hostmemd-cpr-exec", MemfdFlags.None));
        Write(text, state);
        passed.Add(text.Handle);
        guest.Log.Information("Going on as {Program} with {Clients} clients", command[0], clients.Count);
        flushLog();
        guest.Kernel.Execute(
            ProgramStart.Find(command[0]), command,
            [.. ProgramStart.Variables(), string.Create(CultureInfo.InvariantCulture, $"{Handover.Variable}={text.Handle.DangerousGetHandle()}")], passed);
    }

    private HandoverState Describe(IReadOnlyList<HeldClient> clients, Func<SafeHandle, uint> pass)
    {
        var state = guest.State;
        return new HandoverState
        {
            Generation = state.Generation,
            RunState = state.RunState,
            Record = guest.Kept.RecordFile is { } record ? pass(record) : null,
            Objects = [.. Objects(state, pass)],
            Sockets = [.. Sockets(pass)],
            Clients = [.. clients.Where(client => client.Hold.Unread is not null).Select(client => HandedClient.Of(client, pass))],
            Descriptors = [.. guest.Descriptors.All().Select(named => new HandedDescriptor { Name = named.Name, Fd = pass(named.Descriptor) }),
                .. guest.FdSets.All().Select(entry => new HandedDescriptor { Set = entry.Set, Opaque = entry.Opaque, Fd = pass(entry.Descriptor) })],
        };
    }

    private IEnumerable<HandedObject> Objects(GuestState state, Func<SafeHandle, uint> pass)
    {
        var dimms = new Dictionary<MemoryBackend, Dimm>();
        foreach (var dimm in state.Dimms.Values)
            dimms.Add(dimm.Backend, dimm);
        foreach (var thread in state.Threads.Values)
            yield return new HandedObject { Kept = KeptObject.Of(thread, guest.Kernel, state.Generation) };
        foreach (var published in state.Backends.Values.Where(KeptObject.CanKeep))
        {
            var backing = published.Backend.File!;
            yield return new HandedObject
            {
                Kept = KeptObject.Of(
                    published, dimms.GetValueOrDefault(published.Backend), KeptFile.Of(guest.Kernel, backing), state.Generation),
                Fd = pass(backing.Handle),
            };
        }
    }

    private IEnumerable<HandedSocket> Sockets(Func<SafeHandle, uint> pass)
    {
        foreach (var listener in listeners)
            yield return HandedSocket.Of(listener.Listening, isMetrics: false, pass(listener.Listening.Socket.SafeHandle));
        if (metrics is not null)
            yield return HandedSocket.Of(metrics, isMetrics: true, pass(metrics.Socket.SafeHandle));
    }

    private static void Write(LineFile file, HandoverState state)
    {
        var line = new ArrayBufferWriter<byte>();
        foreach (var part in state.Parts())
        {
            line.ResetWrittenCount();
            LineFile.Format(part, line);
            file.Append(line.WrittenSpan);
        }
    }
}
