namespace Hostmemd.Api;

internal enum MemoryDeviceKind
{
    Dimm,
}
