using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>memory-backend-shm, and what both kinds of shared memory leave behind: nothing.</summary>
public sealed class SharedMemoryTests
{
    [Fact]
    public async Task The_name_is_gone_at_once_and_the_memory_stays()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-shm", "id": "s", "size": 8192}}""", """{"return": {}}""");
        guest.Guest.State.Backends["s"].Backend.Memory.Write(4090, "HOSTMEMD"u8);
        var seen = new byte[8];
        guest.Guest.State.Backends["s"].Backend.Memory.Read(4090, seen);

        Assert.Equal("HOSTMEMD"u8.ToArray(), seen);
        Assert.DoesNotContain(Directory.GetFiles("/dev/shm"), path => path.Contains($"hostmemd-{Environment.ProcessId}-", StringComparison.Ordinal));
        Assert.Equal(1, ProcessResources.Count($"/dev/shm/hostmemd-{Environment.ProcessId}-"));
        await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "s"}}""", """{"return": {}}""");
        Assert.Equal(0, ProcessResources.Count($"/dev/shm/hostmemd-{Environment.ProcessId}-"));
    }

    [Theory]
    [InlineData("memory-backend-shm", "/objects/m backing store size 0x3e8 is too small for 'size' option 0x1000 plus 'offset' option 0x0")]
    [InlineData("memory-backend-memfd", "/objects/m backing store size 0x3e8 is too small for 'size' option 0x1000 plus 'offset' option 0x0")]
    public async Task Memory_goes_by_its_path_where_that_is_asked_for(string type, string error)
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(
            $$$"""
            {"execute": "object-add", "arguments":
              {"qom-type": "{{{type}}}", "id": "m", "size": 1000, "x-use-canonical-path-for-ramblock-id": true}}
            """,
            $$$"""{"error": {"class": "GenericError", "desc": "{{{error}}}"}}""");
    }

    [Theory]
    [InlineData("memory-backend-ram", "cannot set up guest memory 'm': ")]
    [InlineData("memory-backend-file", "unable to map backing store for guest RAM: ")]
    public async Task Reserve_off_is_refused_where_the_kernel_would_ignore_it(string type, string start)
    {
        var kernel = new FakeKernel { OvercommitMode = 2 };
        kernel.Paths.Add("/f");
        await using var guest = await InProcessGuest.StartAsync(kernel, "-accel none");
        var client = await guest.ConnectAsync();
        var path = type == "memory-backend-file" ? """, "mem-path": "/f" """ : "";

        await client.ExchangeAsync(
            $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "m", "size": 8192, "reserve": false{{{path}}}}}""",
            $$$"""{"error": {"class": "GenericError", "desc": "{{{start}}}'reserve=off' cannot be had with vm.overcommit_memory=2, use 'reserve=on'"}}""");
        await client.ExchangeAsync(
            $$$"""{"execute": "object-add", "arguments": {"qom-type": "{{{type}}}", "id": "m", "size": 8192, "reserve": false, "share": true{{{path}}}}}""",
            """{"return": {}}""");
    }
}
