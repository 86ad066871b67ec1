using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>Where QMP is spoken when no option says so.</summary>
internal static class DefaultSocket
{
    public static ListenOptions Options
    {
        get
        {
            var directory = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
            var path = Path.Combine(string.IsNullOrEmpty(directory) ? "/run" : directory, "hostmemd.sock");
            return new ListenOptions(path) { Option = $"-qmp unix:{path}" };
        }
    }
}
