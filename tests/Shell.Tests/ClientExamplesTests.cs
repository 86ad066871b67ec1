using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace Hostmemd.QmpShell.Tests;

/// <summary>The examples of docs/clients.md against a real daemon, with the clients of other people as far as they are installed.</summary>
public sealed class ClientExamplesTests(ITestOutputHelper output)
{
    private const string GoPath = "/usr/share/gocode";

    private static readonly string[] Page = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "documents", "clients.md"));

    [Theory]
    [InlineData("qmp-shell", "{\"return\": [{\"id\": \"pc.ram\", *}]}\n")]
    [InlineData("printf", "{\"QMP\": *}\r\n{\"return\": {}}\r\n{\"return\": [{\"id\": \"pc.ram\", *}]}\r\n")]
    [InlineData("docs/examples/hotplug.sh", "plugged mem1-dimm: 536870912 bytes at 0x100000000\nunplugged mem1-dimm\n")]
    public async Task A_command_does_what_it_says(string program, string expected)
    {
        string line = Page.Single(text => text.StartsWith($"    {program} ", StringComparison.Ordinal)).Trim();
        if (program != "qmp-shell" && !Host.HasProgram("socat"))
        {
            output.WriteLine("not tried: socat is not installed");
            return;
        }

        string command = line.Replace("docs/", "", StringComparison.Ordinal);
        var (status, said) = await RunAsync("sh", ["-c", $"cd {AppContext.BaseDirectory} && PATH=.:$PATH && {command}"]);

        Assert.Equal(0, status);
        Assert.Matches($"^{Regex.Escape(expected).Replace("\\*", ".*", StringComparison.Ordinal)}$", said);
    }

    [Fact]
    public async Task Python()
    {
        if (!Host.HasProgram("python3") || (await RunAsync("python3", ["-c", "import qemu.qmp"])).Status != 0)
        {
            output.WriteLine("not tried: python3 has no qemu.qmp (PYTHONPATH may say where it is)");
            return;
        }

        Assert.Equal(
            (0, "/objects/py0\nGenericError object 'py0' not found\n"), await RunAsync("python3", ["-c", Block("Python", "python")]));
    }

    [Theory]
    [InlineData("go-qemu", "digitalocean/go-qemu", "true <nil>\ntrue <nil>\ntrue <nil>\n")]
    [InlineData("govmm", "kata-containers/govmm", "true <nil>\n<nil>\n1 <nil>\n<nil>\n")]
    public async Task Go(string title, string package, string said)
    {
        if (!Host.HasProgram("go") || !Directory.Exists($"{GoPath}/src/github.com/{package}"))
        {
            output.WriteLine($"not tried: there is no go, or no {package} in {GoPath}");
            return;
        }

        using var directory = new ScratchDirectory();
        string file = Path.Combine(directory.Path, "main.go");
        await File.WriteAllTextAsync(file, Block(title, "go"));

        Assert.Equal((0, said), await RunAsync("env", ["GO111MODULE=off", $"GOPATH={GoPath}", "go", "run", file]));
    }

    [Fact]
    public async Task Npm()
    {
        if (!Host.HasProgram("node") || (await RunAsync("node", ["-e", "require.resolve('qemu-qmp')"])).Status != 0)
        {
            output.WriteLine("not tried: node has no qemu-qmp (NODE_PATH may say where it is)");
            return;
        }

        Assert.Equal((0, "[ 'js0', 'pc.ram' ]\nnull\n"), await RunAsync("node", ["-e", Block("npm qemu-qmp", "js")]));
    }

    /// <summary>The code below a title.</summary>
    private static string Block(string title, string language) => string.Join('\n', Page
        .SkipWhile(line => line != $"## {title}")
        .SkipWhile(line => line != $"```{language}")
        .Skip(1)
        .TakeWhile(line => line != "```")
        .Append(""));

    /// <summary>Runs it beside a daemon of its own, whose socket is where the page says /run/hostmemd.sock.</summary>
    private async Task<(int Status, string Output)> RunAsync(string program, string[] arguments)
    {
        await using ServerProcess server = await Servers.StartDaemonAsync("-machine", "q35", "-accel", "none", "-m", "256M,maxmem=4G,slots=2");
        var start = new ProcessStartInfo(program, arguments.Select(Here)) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string file in arguments.Where(File.Exists))
            await File.WriteAllTextAsync(file, Here(await File.ReadAllTextAsync(file)));
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            string said = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            output.WriteLine(await errors);
            return (process.ExitCode, said);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }

        string Here(string text) => text.Replace("/run/hostmemd.sock", server.SocketPath, StringComparison.Ordinal);
    }
}
