namespace Hostmemd.Api;

/// <summary>Capabilities of migration that could be named here; none of them is there.</summary>
internal enum MigrationCapability
{
    Events,
}
