using System.Globalization;

namespace Hostmemd.Sessions;

/// <summary>Looks users up in /etc/passwd (man 5 passwd).</summary>
internal static class UserFile
{
    /// <param name="user">A name or a number.</param>
    /// <exception cref="ListenException">There is no such user.</exception>
    public static uint Find(string user)
    {
        if (uint.TryParse(user, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return number;
        foreach (var line in File.ReadLines("/etc/passwd"))
            if (line.Split(':') is [var name, _, var id, ..] && name == user)
                return uint.Parse(id, CultureInfo.InvariantCulture);
        throw new ListenException($"there is no user '{user}'");
    }
}
