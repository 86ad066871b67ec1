namespace Hostmemd.Api;

/// <summary>What was done about a broken page.</summary>
internal enum MemoryFailureAction
{
    Ignore,
    Inject,
    Fatal,
    Reset,
}
