namespace Hostmemd.QmpShell.Tests;

/// <summary>The pictures of memory and backends.</summary>
public sealed class ShowTests
{
    private static readonly string[] Machine =
    [
        "-M", "q35,accel=none", "-m", "128M,maxmem=4G,slots=4", "-S", "-object", "memory-backend-memfd,id=m0,size=64M", "-device", "pc-dimm,id=d0,memdev=m0",
        "-object", "memory-backend-memfd,id=m1,size=1536K",
    ];

    [Fact]
    public async Task Memory_is_drawn_from_the_bottom_up_with_its_holes()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync(Machine);

        var (status, output, errors) = await ShellProcess.RunAsync("", server.SocketPath, "-c", "show memory");

        Assert.Equal((0, ""), (status, errors));
        string[] lines = output.Split('\n');
        Assert.EndsWith("base memory 128 MiB, plugged 64 MiB", lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^ *0x0 +0xffffffff +4 GiB  hole$", lines[^2]);
        Assert.Matches(@"^0x100000000 +0x103ffffff +64 MiB  DIMM  d0 +m0 +=+$", lines[^1]);
        Assert.DoesNotContain('\x1b', output);
    }

    [Fact]
    public async Task Backends_are_a_table()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync(Machine);

        var (status, output, errors) = await ShellProcess.RunAsync("", server.SocketPath, "-c", "show backends");

        Assert.Equal((0, ""), (status, errors));
        string[] lines = output.Split('\n');
        Assert.StartsWith("memdev", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("m0 ", StringComparison.Ordinal) && line.Contains("64 MiB", StringComparison.Ordinal)
            && line.EndsWith("  d0", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("m1 ", StringComparison.Ordinal) && line.Contains("1.5 MiB", StringComparison.Ordinal));
        Assert.Matches("^.* resident of .*$", lines[^1]);
    }

    [Fact]
    public async Task Watching_draws_a_bar_for_a_job_and_takes_its_own_place()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync(Machine);
        using TerminalShell shell = TerminalShell.Start(server.SocketPath);
        await shell.ShowsAsync("(hostmemd) ");
        shell.Type("memory-backend-prealloc job-id=j0 memdev=m0 speed=8M\r");
        await shell.HasAsync("""{"return": {}}""");

        shell.Type("watch backends\r");
        await shell.UntilAsync(screen => screen.Rows.Any(row => row.StartsWith("j0 [", StringComparison.Ordinal)), "a bar");
        await shell.UntilAsync(screen => screen.Rows.Any(row => row.StartsWith("j0 [####", StringComparison.Ordinal)), "a longer bar");
        await shell.UntilAsync(screen => screen.Rows.Count(row => row.StartsWith("j0 [", StringComparison.Ordinal)) == 1, "one bar");
        shell.Type("\x03");

        await shell.ShowsAsync("(hostmemd) ");
    }

    [Fact]
    public async Task Memory_that_was_forgotten_is_not_taken_for_a_backend_of_its_name()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync(Machine);
        const string Add = "object-add qom-type=memory-backend-memfd id=twice size=2M";

        // The shell has the descriptor until it ends, and so the first one's memory.
        var (status, output, errors) = await ShellProcess.RunAsync(
            "", server.SocketPath, "-c", Add, "-c", "memory-backend-send-fd twice", "-c", "memory-backend-forget twice", "-c", Add, "-c", "show backends");

        Assert.Equal((0, ""), (status, errors));
        Assert.Matches(@"(?m)^twice +memfd +2 MiB +0 B +- +- +- +free +-$", output);
    }

    [Fact]
    public async Task What_cannot_be_shown_is_refused()
    {
        await using ServerProcess server = await Servers.StartDaemonAsync(Machine);

        Assert.Equal((1, "", "show what? memory or backends"), await ShellProcess.RunAsync("", server.SocketPath, "-c", "show time"));
    }

    [QemuFact]
    public async Task Qemu_is_shown_as_far_as_it_tells()
    {
        await using ServerProcess server = await Servers.StartQemuAsync();

        var (status, output, _) = await ShellProcess.RunAsync("", server.SocketPath, "-c", "show backends", "-c", "show memory");

        Assert.Equal(0, status);
        Assert.StartsWith("memdev", output, StringComparison.Ordinal);
    }
}
