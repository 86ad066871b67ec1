using Hostmemd.Populate;

namespace Hostmemd.Keeping;

/// <summary>What a guest keeps with.</summary>
/// <param name="Record">Open and locked; its owner closes it.</param>
/// <param name="Program">What the keeper is.</param>
internal sealed record KeepOptions(KeepPaths Paths, KeepRecord Record, HelperProgram Program);
