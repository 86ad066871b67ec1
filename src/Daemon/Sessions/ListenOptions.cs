namespace Hostmemd.Sessions;

/// <summary>One QMP socket, as the command line describes it.</summary>
/// <param name="Path">The socket's path; a leading '@' is not special.</param>
/// <param name="ReadOnly">Only commands that change nothing.</param>
/// <param name="Mode">Permissions of the socket; null: what the umask leaves.</param>
/// <param name="Group">Group of the socket, by name or number.</param>
internal sealed record ListenOptions(string Path, bool ReadOnly = false, UnixFileMode? Mode = null, string? Group = null);
