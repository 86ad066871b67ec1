namespace Hostmemd.Api;

internal enum Accelerator
{
    Kvm,
    Qtest,
}
