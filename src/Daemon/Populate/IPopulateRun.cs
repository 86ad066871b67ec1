using Hostmemd.Protocol.Errors;

namespace Hostmemd.Populate;

/// <summary>
/// One range on its way to being populated: it goes as far as it is granted, so that its owner can pause it, slow it down and let others have
/// its turn.
/// </summary>
/// <remarks>One thread at a time grants and follows, any thread may stop or kill. Disposing leaves nothing at work; it may block.</remarks>
internal interface IPopulateRun : IDisposable
{
    /// <summary>Lets it go on to so many bytes in all; page aligned, never fewer than before.</summary>
    void Grant(ulong total);

    /// <summary>Blocks until so many bytes are done, at most what is granted, or it has ended.</summary>
    /// <param name="progress">Bytes done, on whichever thread; see <see cref="Populator.PopulateAsync"/>.</param>
    /// <returns>Its last report, when it has ended; null: it would go on.</returns>
    /// <exception cref="QmpException">It could not begin, or it ended without a last report.</exception>
    PopulateReport? Follow(ulong until, Action<ulong>? progress);

    /// <summary>Lets it end after what it has begun: <see cref="PopulateReportKind.Stopped"/> with what is done.</summary>
    void Stop();

    /// <summary>Ends it now, whatever becomes of its report.</summary>
    void Kill();
}
