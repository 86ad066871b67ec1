namespace Hostmemd.Populate;

/// <summary>What the helper process was at when it failed.</summary>
internal enum PopulateStep
{
    /// <summary>Mapping the file.</summary>
    Map = 1,

    /// <summary>Setting the CPUs.</summary>
    Affinity = 2,

    /// <summary>Setting the NUMA policy.</summary>
    Policy = 3,

    /// <summary>Allocating pages.</summary>
    Populate = 4,
}
