using Hostmemd.Api;
using Hostmemd.Objects.Threads;

namespace Hostmemd.Guests;

/// <summary>An iothread with its properties as they are now, or a thread-context, which has none but what its thread has.</summary>
/// <param name="Iothread">null for a thread-context.</param>
internal sealed record PublishedThread(ThreadObject Thread, IothreadProperties? Iothread);
