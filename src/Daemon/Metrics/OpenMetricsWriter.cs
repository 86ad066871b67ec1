using System.Globalization;
using System.Text;

namespace Hostmemd.Metrics;

/// <summary>Writes metric families as text. Source: the OpenMetrics specification, 1.0.0.</summary>
internal sealed class OpenMetricsWriter
{
    public const string ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private readonly StringBuilder _text = new();
    private string _family = "";

    /// <summary>Begins a family; its samples follow.</summary>
    /// <param name="unit">The name ends with it; empty for counts.</param>
    public void Family(string name, string type, string help, string unit = "")
    {
        _family = name;
        Line($"# TYPE {name} {type}");
        if (unit.Length > 0)
            Line($"# UNIT {name} {unit}");
        Line($"# HELP {name} {help}");
    }

    /// <summary>One sample.</summary>
    /// <param name="suffix">What the type wants behind the name: _total, _bucket, _info.</param>
    /// <param name="labels">Names and values in turn.</param>
    public void Sample(double value, string suffix = "", params string[] labels)
    {
        _text.Append(_family).Append(suffix);
        for (var i = 0; i < labels.Length; i += 2)
            _text.Append(i == 0 ? '{' : ',').Append(labels[i]).Append("=\"").Append(Escaped(labels[i + 1])).Append('"');
        if (labels.Length > 0)
            _text.Append('}');
        Line($" {Number(value)}");
    }

    /// <summary>A family of one sample without labels.</summary>
    public void Gauge(string name, string help, double value, string unit = "")
    {
        Family(name, "gauge", help, unit);
        Sample(value);
    }

    /// <summary>A bound of a bucket, as a label: always with a fraction.</summary>
    public static string Bound(double value)
    {
        var text = Number(value);
        return text.Contains('.', StringComparison.Ordinal) || text.Contains('E', StringComparison.Ordinal) ? text : text + ".0";
    }

    /// <summary>All of it, with the line that says that nothing was cut off.</summary>
    public string End() => _text.Append("# EOF\n").ToString();

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Escaped(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private void Line(string text) => _text.Append(text).Append('\n');
}
