using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>A process to be started by <see cref="IKernel.Spawn"/>.</summary>
public sealed record SpawnOptions
{
    /// <summary>Path of the program; PATH is not searched.</summary>
    public required string Program { get; init; }

    /// <summary>What the program finds as its arguments, its own name first.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>All of its environment, as NAME=value.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>The first is its standard input, the second its standard output, and so on; borrowed for the call. Standard error is ours.</summary>
    public required IReadOnlyList<SafeHandle> Descriptors { get; init; }
}
