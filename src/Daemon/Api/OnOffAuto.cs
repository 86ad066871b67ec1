namespace Hostmemd.Api;

internal enum OnOffAuto
{
    Auto,
    On,
    Off,
}
