using Hostmemd.Lending;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;

namespace Hostmemd.Startup;

/// <summary>The option -lend-dir: where other users find memory by name.</summary>
internal static class LendDirectoryOption
{
    private const uint DirectoryMode = 0x1ED; // 0755: the memory has permissions of its own

    /// <exception cref="OptionException">There is no such user or group.</exception>
    public static LendDirectory Parse(string text)
    {
        var directory = new LendDirectory("", null, null, LendDirectory.PrivateMode);
        foreach (var (key, value) in KeyValues.Split(text, "path"))
            directory = key switch
            {
                "path" => directory with { Path = Path.GetFullPath(value) },
                "owner" => WithOwner(directory, Find(UserFile.Find, value)),
                "group" => directory with { Group = Find(GroupFile.Find, value) },
                "mode" => directory with { Mode = (uint)OptionParser.FileMode(value) },
                _ => throw ProtocolErrors.Invalid(key),
            };
        return directory.Path.Length > 0 ? directory : throw ProtocolErrors.Missing("path");
    }

    /// <summary>Makes the directory where it is missing.</summary>
    /// <exception cref="OptionException">It cannot be made.</exception>
    public static void Make(LendDirectory directory)
    {
        try
        {
            Directory.CreateDirectory(directory.Path, (UnixFileMode)DirectoryMode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OptionException($"-lend-dir {directory.Path}: {e.Message}");
        }
    }

    /// <summary>The owner's own group, unless another is given.</summary>
    private static LendDirectory WithOwner(LendDirectory directory, (uint User, uint? Group) owner) =>
        directory with { Owner = owner.User, Group = directory.Group ?? owner.Group };

    private static T Find<T>(Func<string, T> find, string name)
    {
        try
        {
            return find(name);
        }
        catch (ListenException e)
        {
            throw new OptionException(e.Message);
        }
    }
}
