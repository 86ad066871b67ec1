using System.Globalization;

namespace Hostmemd.Sessions;

/// <summary>Looks groups up in /etc/group (man 5 group).</summary>
internal static class GroupFile
{
    /// <param name="group">A name or a number.</param>
    /// <exception cref="ListenException">There is no such group.</exception>
    public static uint Find(string group)
    {
        if (uint.TryParse(group, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return number;
        foreach (var line in File.ReadLines("/etc/group"))
            if (line.Split(':') is [var name, _, var id, ..] && name == group)
                return uint.Parse(id, CultureInfo.InvariantCulture);
        throw new ListenException($"there is no group '{group}'");
    }
}
