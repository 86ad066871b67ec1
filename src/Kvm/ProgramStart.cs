using System.Collections;

namespace Hostmemd.Kvm;

/// <summary>What execve(2) does not look up by itself.</summary>
public static class ProgramStart
{
    /// <summary>The program's path, looked for in PATH where its name has no slash, as execvp(3) does.</summary>
    public static string Find(string program)
    {
        ArgumentNullException.ThrowIfNull(program);
        if (program.Contains('/', StringComparison.Ordinal))
            return program;
        var directories = (Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin").Split(':');
        return directories.Select(directory => Path.Combine(directory.Length == 0 ? "." : directory, program)).FirstOrDefault(File.Exists) ?? program;
    }

    /// <summary>This process's environment, as NAME=value.</summary>
    public static IReadOnlyList<string> Variables()
    {
        var variables = new List<string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            variables.Add($"{variable.Key}={variable.Value}");
        return variables;
    }
}
