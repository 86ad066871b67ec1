using System.Globalization;
using System.Text;
using Hostmemd.Objects;

namespace Hostmemd.Startup;

/// <summary>What "-object help" and "-object TYPE,help" print, in QEMU's layout.</summary>
internal static class ObjectHelp
{
    // Where descriptions begin, as long as the property leaves room (seen in QEMU 11.1.3).
    private const int Column = 22;

    /// <summary>The text, where help is what the argument asks for; else null.</summary>
    /// <exception cref="OptionException">There is no such type.</exception>
    public static string? For(string argument)
    {
        if (argument is "help" or "?")
            return Types();
        var parts = argument.Split(',');
        if (!parts[1..].Any(part => part is "help" or "?"))
            return null;
        var type = parts[0].StartsWith("qom-type=", StringComparison.Ordinal) ? parts[0]["qom-type=".Length..] : parts[0];
        return QomTypes.List("user-creatable", withAbstract: false).Any(known => known.Name == type)
            ? Properties(type)
            : throw new OptionException($"Parameter 'qom-type' does not accept value '{type}'");
    }

    private static string Types()
    {
        var text = new StringBuilder("List of user creatable objects:\n");
        foreach (var type in QomTypes.List("user-creatable", withAbstract: false).OrderBy(type => type.Name, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"  {type.Name}\n");
        return text.ToString();
    }

    private static string Properties(string type)
    {
        var lines = QomTypes.Properties(type)
            .Where(property => property.Name is not ("type" or "thread-id"))
            .Select(property => (Left: $"{property.Name}=<{property.Type}>", property.Description))
            .OrderBy(line => line.Left, StringComparer.Ordinal);
        var text = new StringBuilder($"{type} options:\n");
        foreach (var (left, description) in lines)
            text.Append("  ").Append(description is null ? left : $"{left.PadRight(Column)} - {description}").Append('\n');
        return text.ToString();
    }
}
