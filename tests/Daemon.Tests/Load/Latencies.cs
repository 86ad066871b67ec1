using System.Globalization;

namespace Hostmemd.Daemon.Tests.Load;

/// <summary>What requests took, in microseconds, ascending.</summary>
internal sealed class Latencies
{
    private readonly double[] _sorted;

    public Latencies(IEnumerable<double> microseconds) => _sorted = [.. microseconds.Order()];

    public int Count => _sorted.Length;

    public double Median => At(0.5);

    public double P99 => At(0.99);

    public double Worst => _sorted[^1];

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"p50 {Median:0} us, p99 {P99:0} us, worst {Worst:0} us of {Count}");

    private double At(double part) => _sorted[(int)(part * (_sorted.Length - 1))];
}
