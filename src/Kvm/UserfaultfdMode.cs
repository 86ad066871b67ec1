namespace Hostmemd.Kvm;

/// <summary>UFFDIO_REGISTER_MODE_*: which faults of a range a userfaultfd gets.</summary>
[Flags]
public enum UserfaultfdMode : ulong
{
    Missing = 1,
    WriteProtect = 2,
    Minor = 4,
}
