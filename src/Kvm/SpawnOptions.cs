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

    /// <summary>
    /// The child is a part of what our own caller started: it stays in our process group, and has what we were given that is not
    /// close-on-exec. Without <see cref="Descriptors"/> it has our standard input and output too.
    /// </summary>
    public bool Inherits { get; init; }

    /// <summary>The child leads a session of its own: it has no terminal, and outlives the one we have. Source: man 2 setsid.</summary>
    public bool NewSession { get; init; }

    /// <summary>One more descriptor, under the number it has here.</summary>
    public SafeHandle? Extra { get; init; }
}
