namespace Hostmemd.Kvm;

/// <summary>How a child process ended.</summary>
/// <param name="Status">Its exit status; null: a signal ended it.</param>
/// <param name="Signal">That signal; null: it ended by itself.</param>
public readonly record struct ProcessEnd(int? Status, int? Signal);
