namespace Hostmemd.Api;

internal enum TargetArch
{
    Aarch64,
    X86_64,
}
