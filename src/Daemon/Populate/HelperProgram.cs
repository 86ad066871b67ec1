using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Hostmemd.Populate;

/// <summary>How this program is started once more.</summary>
/// <param name="Path">The program.</param>
/// <param name="Arguments">What comes before the mode: nothing, or the assembly for `dotnet`.</param>
internal sealed record HelperProgram(string Path, IReadOnlyList<string> Arguments)
{
    /// <summary>
    /// The file that runs, not the one that has its name by now: an upgrade of the package changes nothing for a daemon that runs. The link
    /// is followed in the child, whose program is still ours then.
    /// </summary>
    private const string Running = "/proc/self/exe";

    /// <summary>This program, whichever way it was built and started.</summary>
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "Empty in a program of one file: that is what is asked.")]
    public static HelperProgram Find()
    {
        var assembly = typeof(HelperProgram).Assembly.Location;
        if (assembly.Length == 0)
            return new HelperProgram(Running, []);
        return System.IO.Path.GetFileName(Environment.ProcessPath) switch
        {
            "hostmemd" => new HelperProgram(Running, []),
            "dotnet" => new HelperProgram(Environment.ProcessPath!, [assembly]),
            // Another program has loaded ours, as a test's host does.
            _ => new HelperProgram(System.IO.Path.ChangeExtension(assembly, null), []),
        };
    }

    /// <summary>Its command line in a mode.</summary>
    /// <param name="name">What it is called where a person looks.</param>
    public IReadOnlyList<string> CommandLine(string name, IEnumerable<string> arguments) =>
        [Arguments.Count == 0 ? name : Path, .. Arguments, .. arguments];

    /// <summary>The environment for it: ours, and what makes a runtime that compiles at run time start faster.</summary>
    public static IReadOnlyList<string> EnvironmentOfHelper()
    {
        var variables = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            variables[(string)variable.Key] = (string?)variable.Value ?? "";
        // No pipes in /tmp for debuggers, and no counters in code that runs once. Ahead-of-time compiled code reads neither.
        variables["DOTNET_EnableDiagnostics"] = "0";
        variables["DOTNET_TieredPGO"] = "0";
        return [.. variables.Select(variable => $"{variable.Key}={variable.Value}")];
    }
}
