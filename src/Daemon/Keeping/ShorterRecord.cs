using Hostmemd.Guests;
using Hostmemd.Kvm;

namespace Hostmemd.Keeping;

/// <summary>
/// Makes the record short again while it goes on: of 32,000 backends that takes 120 ms, which no client is to wait for.
/// </summary>
internal static class ShorterRecord
{
    /// <summary>Objects that are described at once, in about a millisecond; then the processor is others' for twice as long.</summary>
    private const int AtOnce = 256;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    /// <summary>Begins a copy without history, which becomes the record when it is whole. Inside the owner's step.</summary>
    /// <param name="now">Objects that are described at once.</param>
    /// <param name="later">Objects that are described on another thread. One that changes meanwhile gets a line of its own behind.</param>
    public static void Begin(
        Guest guest, KeepRecord record, IEnumerable<KeptIntent> intents, IEnumerable<KeptObject> now, IEnumerable<KeptObject> later)
    {
        try
        {
            var copy = record.BeginCopy(intents);
            AddTo(copy, now);
            _ = guest.SlowWork.RunAsync(guest.Work, () => Complete(guest, record, copy, later));
        }
        catch (KernelException e)
        {
            PutUp(guest, record, e);
        }
    }

    private static void Complete(Guest guest, KeepRecord record, RecordCopy copy, IEnumerable<KeptObject> later)
    {
        using (copy)
        {
            try
            {
                foreach (var part in later.Chunk(AtOnce))
                {
                    AddTo(copy, part);
                    if (part.Length == AtOnce)
                        guest.Kernel.Pause(Pause);
                }
                guest.Owned(_ => record.TryFinish(copy));
            }
            catch (ObjectDisposedException)
            {
                // It was dropped meanwhile.
            }
            catch (KernelException e)
            {
                guest.Owned(_ => PutUp(guest, record, e));
            }
            finally
            {
                // Whatever happened, no copy is followed that nobody makes.
                guest.Owned(_ => record.Drop(copy));
            }
        }
    }

    private static void AddTo(RecordCopy copy, IEnumerable<KeptObject> objects)
    {
        foreach (var kept in objects)
            copy.Add(new RecordLine { Put = kept });
    }

    private static void PutUp(Guest guest, KeepRecord record, KernelException error)
    {
        guest.Log.Warning("The record {Path} grows on, it cannot be made shorter: {Error}", guest.Options.Keep!.Paths.Record, error.Message);
        record.PutUpWithHistory();
    }
}
