namespace Hostmemd.Guests;

internal enum MachineKind
{
    None,
    Q35,
}
