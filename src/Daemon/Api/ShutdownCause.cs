namespace Hostmemd.Api;

/// <summary>Why the guest shut down or was reset.</summary>
internal enum ShutdownCause
{
    HostQmpQuit,
    HostQmpSystemReset,
    HostSignal,
}
