namespace Hostmemd.Api;

internal enum RunState
{
    Paused,
    Prelaunch,
    Running,
    Shutdown,
}
