namespace Hostmemd.Api;

/// <summary>The unit that a time is given or wanted in.</summary>
internal enum TimeUnit
{
    Second,
    Millisecond,
}
