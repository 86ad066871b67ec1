namespace Hostmemd.Keeping;

/// <summary>Where the record of a daemon is, and its keeper: beside the first QMP socket, whose path is the daemon's name.</summary>
internal sealed record KeepPaths(string Socket)
{
    /// <summary>The record, and the lock.</summary>
    public string Record => Socket + ".keep";

    /// <summary>Where a new record is written before it takes the old one's name.</summary>
    public string NewRecord => Socket + ".keep.new";

    /// <summary>The keeper's socket.</summary>
    public string Keeper => Socket + ".keeper";
}
