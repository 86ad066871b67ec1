namespace Hostmemd.Keeping;

/// <summary>Who keeps memory when the daemon is gone.</summary>
internal enum KeepMode
{
    None,
    Process,
    Systemd,
}
