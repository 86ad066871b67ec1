using Hostmemd.Api;
using Hostmemd.Objects;

namespace Hostmemd.Guests;

/// <summary>A backend and its properties as they are now.</summary>
internal sealed record PublishedBackend(MemoryBackend Backend, MemoryBackendProperties Properties);
