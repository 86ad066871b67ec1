namespace Hostmemd.Api;

/// <summary>MigMode of QEMU; migrate knows cpr-exec alone.</summary>
internal enum MigrationMode
{
    Normal,
    CprReboot,
    CprTransfer,
    CprExec,
}
