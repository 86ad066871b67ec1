namespace Hostmemd.Api;

internal enum QmpCapability
{
    Oob,
}
