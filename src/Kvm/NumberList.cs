using System.Globalization;

namespace Hostmemd.Kvm;

/// <summary>The kernel's way to list CPUs and nodes: "0-3,8". Source: Documentation/admin-guide/cputopology.rst.</summary>
public static class NumberList
{
    /// <exception cref="FormatException">Something else.</exception>
    public static IReadOnlyList<int> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var numbers = new List<int>();
        foreach (var part in text.Trim().Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var bounds = part.Split('-');
            var first = int.Parse(bounds[0], NumberStyles.None, CultureInfo.InvariantCulture);
            var last = int.Parse(bounds[^1], NumberStyles.None, CultureInfo.InvariantCulture);
            if (bounds.Length > 2 || last < first || last - first > ushort.MaxValue)
                throw new FormatException($"'{part}' is no range");
            for (var i = first; i <= last; i++)
                numbers.Add(i);
        }
        return numbers;
    }
}
