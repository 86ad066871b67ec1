using Xunit.Abstractions;

namespace Hostmemd.QmpShell.Tests;

/// <summary>What bash and zsh complete of our programs' command lines.</summary>
public sealed class CompletionTests(ITestOutputHelper output)
{
    private const string Zsh = "/usr/bin/zsh";

    private static readonly string Completions = Path.Combine(AppContext.BaseDirectory, "completion");

    /// <summary>The built programs come before others of the name: completion asks them.</summary>
    private static readonly string Programs = $"PATH={AppContext.BaseDirectory}:$PATH";

    [Theory]
    [InlineData("qmp-shell --ti", "_qmp_shell", "--timeout")]
    [InlineData("qemu-hostmem --c", "_qemu_hostmem", "--cpr")]
    [InlineData("hostmemd -lend", "_hostmemd", "-lend-dir")]
    [InlineData("hostmemd -keep sy", "_hostmemd", "systemd")]
    [InlineData("hostmemd -object memory-backend-mem", "_hostmemd", "memory-backend-memfd")]
    public async Task Bash_completes(string line, string function, string completed)
    {
        string script = $"{Programs}; cd {Completions}; source qmp-shell.bash; source hostmemd.bash; "
            + $"compopt() {{ :; }}; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); {function}; echo \"${{COMPREPLY[@]}}\"";

        Assert.Equal((0, completed + "\n"), await Support.Programs.RunAsync("bash", "-c", script));
    }

    [Theory]
    [InlineData("qmp-shell --ti", "qmp-shell --timeout ")]
    [InlineData("qmp-shell -p exam", "qmp-shell -p examples/")]
    [InlineData("qmp-shell --play exam", "qmp-shell --play examples/")]
    [InlineData("qmp-shell --wrap -- hostmemd -accel k", "qmp-shell --wrap -- hostmemd -accel kvm")]
    [InlineData("qemu-hostmem --c", "qemu-hostmem --cpr ")]
    [InlineData("qemu-hostmem sock m0 -- hostmemd -pidf", "qemu-hostmem sock m0 -- hostmemd -pidfile ")]
    [InlineData("hostmemd -lend", "hostmemd -lend-dir ")]
    [InlineData("hostmemd -lend-dir comple", "hostmemd -lend-dir completion/")]
    [InlineData("hostmemd -keep sy", "hostmemd -keep systemd")]
    [InlineData("hostmemd -object memory-backend-mem", "hostmemd -object memory-backend-memfd")]
    public async Task Zsh_completes(string line, string completed)
    {
        if (!File.Exists(Zsh))
        {
            output.WriteLine($"not tried: there is no {Zsh}");
            return;
        }

        string script = $"{Programs}; cd {AppContext.BaseDirectory}; exec timeout 60 {Zsh} -f complete.zsh {Completions} '{line}'";

        Assert.Equal((0, completed + "\n"), await Support.Programs.RunAsync("sh", "-c", script));
    }
}
