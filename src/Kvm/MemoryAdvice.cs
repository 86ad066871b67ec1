namespace Hostmemd.Kvm;

/// <summary>MADV_*.</summary>
public enum MemoryAdvice
{
    DontNeed = 4,
    Remove = 9,
    DontFork = 10,
    Mergeable = 12,
    Unmergeable = 13,
    HugePage = 14,
    NoHugePage = 15,
    DontDump = 16,
    DoDump = 17,
    PopulateRead = 22,
    PopulateWrite = 23,
}
