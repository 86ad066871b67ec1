using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>How often tests kill at random, and how that is done again.</summary>
internal static class CrashRounds
{
    /// <summary>20; with HOSTMEMD_LONG=1 it is 200.</summary>
    public static readonly int Count = Environment.GetEnvironmentVariable("HOSTMEMD_LONG") == "1" ? 200 : 20;

    /// <summary>HOSTMEMD_SEED, or another one each time; it is printed.</summary>
    public static int Seed(ITestOutputHelper output)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("HOSTMEMD_SEED"), out var given) ? given : Environment.TickCount;
        output.WriteLine($"HOSTMEMD_SEED={seed}");
        return seed;
    }
}
