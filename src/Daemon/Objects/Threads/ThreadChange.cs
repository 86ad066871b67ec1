using Hostmemd.Guests;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Objects.Threads;

/// <summary>qom-set on an iothread or a thread-context.</summary>
internal static class ThreadChange
{
    /// <exception cref="QmpException">The value does not fit, or the property is fixed.</exception>
    public static void Set(Guest guest, PublishedThread published, string name, JsonValue value)
    {
        var thread = published.Thread;
        if (published.Iothread is null)
        {
            SetContext(guest, thread, name, value);
            guest.Owned(state => guest.Kept.Write(thread.Id, state));
            return;
        }
        guest.Change(
            state =>
            {
                // Onto what is published now: another client may have changed another property meanwhile.
                if (!state.Threads.TryGetValue(thread.Id, out var current) || current.Thread != thread)
                    throw ObjectErrors.DeviceNotFound(thread.QomPath);
                var changed = current with { Iothread = IothreadRules.Change(current.Iothread!, name, value) };
                return state with { Threads = state.Threads.SetItem(thread.Id, changed) };
            },
            kept: thread.Id);
    }

    private static void SetContext(Guest guest, ThreadObject thread, string name, JsonValue value)
    {
        switch (name)
        {
            case "cpu-affinity":
                ThreadAffinity.Bind(guest.Kernel, thread.Tid, ThreadAffinity.FromCpus(Numbers(name, value)));
                break;
            case "node-affinity":
                ThreadAffinity.Bind(guest.Kernel, thread.Tid, ThreadAffinity.FromNodes(guest.Kernel, Numbers(name, value)));
                break;
            default:
                throw ObjectErrors.PropertyNotWritable(thread.TypeName, name);
        }
    }

    private static List<ushort> Numbers(string name, JsonValue value) =>
        InputVisitor.ReadValue<List<ushort>>(name, value, (Visitor v, ref List<ushort> numbers) => v.List(ref numbers, Shapes.UInt16), []);
}
