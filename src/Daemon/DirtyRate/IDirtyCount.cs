namespace Hostmemd.DirtyRate;

/// <summary>A way to count what is written between two moments.</summary>
internal interface IDirtyCount
{
    /// <exception cref="Protocol.Errors.QmpException">It cannot be counted so; nothing is left switched on.</exception>
    Task BeginAsync();

    /// <returns>Bytes written since, in whole pages, each counted once.</returns>
    Task<double> EndAsync();
}
