using System.Globalization;

namespace Hostmemd.Guests;

/// <summary>The path that stands for a set of descriptors: /dev/fdset/N.</summary>
internal static class FdSetPath
{
    private const string Prefix = "/dev/fdset/";

    /// <summary>The set that a path stands for; decimal digits alone, as anything else is a file's name.</summary>
    public static bool TryParse(string path, out long id)
    {
        id = 0;
        return path.StartsWith(Prefix, StringComparison.Ordinal)
            && long.TryParse(path.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out id);
    }
}
