using System.Globalization;

namespace Hostmemd.Sessions;

/// <summary>Looks users up in /etc/passwd (man 5 passwd).</summary>
internal static class UserFile
{
    /// <param name="user">A name or a number.</param>
    /// <returns>The user's number, and that of its own group; null: a number that is in no line.</returns>
    /// <exception cref="ListenException">There is no such user.</exception>
    public static (uint User, uint? Group) Find(string user)
    {
        foreach (var line in File.ReadLines("/etc/passwd"))
            if (line.Split(':') is [var name, _, var id, var group, ..] && (name == user || id == user))
                return (uint.Parse(id, CultureInfo.InvariantCulture), uint.Parse(group, CultureInfo.InvariantCulture));
        if (uint.TryParse(user, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return (number, null);
        throw new ListenException($"there is no user '{user}'");
    }
}
