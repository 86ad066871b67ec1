using Xunit;

namespace Hostmemd.Daemon.Tests.Processes;

/// <summary>What the program says to its command line.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("-version")]
    [InlineData("--version")]
    public async Task Version_is_told(string option)
    {
        var (exitCode, output, error) = await DaemonFixture.RunToEndAsync(option);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"^hostmemd \d+\.\d+\.\d+\n$", output);
    }

    [Theory]
    [InlineData("-help")]
    [InlineData("--help")]
    [InlineData("-h")]
    public async Task Help_names_every_option(string option)
    {
        var (exitCode, output, error) = await DaemonFixture.RunToEndAsync(option);

        Assert.Equal((0, ""), (exitCode, error));
        foreach (var word in (string[])["-qmp", "-machine", "-accel", "-object", "-device", "-pidfile", "-version"])
            Assert.Contains(word, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "help",
        """
        List of user creatable objects:
          iothread
          memory-backend-file
          memory-backend-guest-memfd
          memory-backend-memfd
          memory-backend-ram
          memory-backend-shm
          thread-context

        """)]
    [InlineData(
        "thread-context,help",
        """
        thread-context options:
          cpu-affinity=<int>
          node-affinity=<int>

        """)]
    public async Task Objects_and_their_properties_are_listed_as_in_QEMU(string argument, string text)
    {
        var (exitCode, output, error) = await DaemonFixture.RunToEndAsync("-object", argument);

        Assert.Equal((0, text, ""), (exitCode, output, error));
    }

    [Theory]
    [InlineData("-machine", "help", "Supported machines are:\nq35                  ")]
    [InlineData("-M", "?", "Supported machines are:\n")]
    [InlineData("-machine", "none,help", "none-machine options:\n  accel=<string>         - ")]
    [InlineData("-accel", "help", "Accelerators supported in hostmemd:\nkvm\nnone\n")]
    [InlineData("-device", "help", "Memory devices:\nname \"pc-dimm\", desc \"")]
    [InlineData(
        "-device", "pc-dimm,help",
        "pc-dimm options:\n  addr=<uint64>          -  (default: 0)\n  memdev=<link<memory-backend>>\n  node=<uint32>          -  (default: 0)\n"
        + "  size=<uint64>\n  slot=<int32>           -  (default: -1)\n")]
    public async Task Machines_accelerators_and_devices_are_listed_as_in_QEMU(string option, string argument, string text)
    {
        var (exitCode, output, error) = await DaemonFixture.RunToEndAsync(option, argument);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith(text, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_that_is_not_there_has_no_properties()
    {
        var (exitCode, _, error) = await DaemonFixture.RunToEndAsync("-device", "zzz,help");

        Assert.Equal((1, "hostmemd: -device zzz,help: Device 'zzz' not found\n"), (exitCode, error));
    }

    /// <summary>QEMU's rules for keys and values: a doubled comma is one, of a key that stands twice the last counts.</summary>
    [Fact]
    public Task Keys_and_values_are_read_as_QEMU_reads_them() => DaemonFixture.RunAsync(
        "-accel none -S -S -name first -name guest=a,,b,process=x -m 1,size=2,size=3M -machine q35 -qmp unix:{dir}/a,,b,server=on,wait=off -qmp unix:{dir}/qmp "
        + "-object memory-backend-ram,id=x,size=4096,size=0x2000,id=m,noshare,prealloc=yes",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync(daemon.Directory + "/a,b");
            await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {"name": "a,b"}}""");
            await client.ExchangeAsync("""{"execute": "query-memory-size-summary"}""", """{"return": {"base-memory": 3145728, "plugged-memory": 0}}""");
            await client.ExchangeAsync(
                """{"execute": "query-memdev"}""",
                """{"return": {"$list-with": [{"$object-with": {"id": "m", "size": 8192, "share": false, "prealloc": true}}]}}""");
        });

    [Fact]
    public async Task Descriptions_of_properties_begin_in_one_column()
    {
        var (_, output, _) = await DaemonFixture.RunToEndAsync("-object", "memory-backend-memfd,help");

        Assert.Contains("\n  hugetlb=<bool>         - use huge pages\n", output, StringComparison.Ordinal);
        Assert.Contains("\n  prealloc-context=<link<thread-context>> - ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-zzz: invalid option", "-zzz")]
    [InlineData("--zzz: invalid option", "--zzz")]
    [InlineData("zzz: invalid option", "zzz")]
    [InlineData("-qmp: requires an argument", "-qmp")]
    [InlineData("-qmp tcp:1234: only unix:PATH is supported", "-qmp", "tcp:1234")]
    [InlineData("-qmp unix:/x,server=off: 'server=off' is not supported, clients connect to the daemon", "-qmp", "unix:/x,server=off")]
    [InlineData("-qmp unix:/x,readonly=maybe: Parameter 'readonly' expects 'on' or 'off'", "-qmp", "unix:/x,readonly=maybe")]
    [InlineData("-qmp unix:/x,mode=9: Parameter 'mode' expects permissions in octal, such as 0660", "-qmp", "unix:/x,mode=9")]
    [InlineData("-qmp unix:/x,zzz=1: Invalid parameter 'zzz'", "-qmp", "unix:/x,zzz=1")]
    [InlineData("-object zzz,help: Parameter 'qom-type' does not accept value 'zzz'", "-object", "zzz,help")]
    [InlineData("-object iothread,id=i,poll-grow=1x: Parameter 'poll-grow' expects an int64 value", "-object", "iothread,id=i,poll-grow=1x")]
    [InlineData("-object memory-backend-shm,id=s,size=-1: Parameter 'size' expects a size value", "-object", "memory-backend-shm,id=s,size=-1")]
    [InlineData("-accel hvf: invalid accelerator hvf", "-accel", "hvf")]
    [InlineData("-accel kvm,dirty-ring-size=3: dirty-ring-size must be a power of two.", "-accel", "kvm,dirty-ring-size=3")]
    [InlineData("-accel kvm,dirty-ring-size=x: Parameter 'dirty-ring-size' expects uint64", "-accel", "kvm,dirty-ring-size=x")]
    [InlineData("-accel kvm,dirty-ring-size=-1: Parameter 'dirty-ring-size' expects uint32_t", "-accel", "kvm,dirty-ring-size=-1")]
    [InlineData("-accel kvm,foo=1: Property 'kvm-accel.foo' not found", "-accel", "kvm,foo=1")]
    [InlineData("-accel tcg,dirty-ring-size=4096: Property 'tcg-accel.dirty-ring-size' not found", "-accel", "tcg,dirty-ring-size=4096")]
    [InlineData("-machine pc: unsupported machine type: \"pc\"; there are 'none' and 'q35'", "-machine", "pc")]
    [InlineData("-m 64Q: Parameter 'size' expects", "-m", "64Q")]
    [InlineData("-m 1G,slots=32001,maxmem=2G: unsupported amount of memory slots: 32001", "-m", "1G,slots=32001,maxmem=2G")]
    [InlineData("-sandbox on: sandbox is not supported", "-sandbox", "on")]
    [InlineData("-display gtk: only 'none' is supported", "-display", "gtk")]
    [InlineData("-uuid 1: failed to parse UUID string: wrong format", "-uuid", "1")]
    [InlineData("-d all: invalid log item 'all', there is 'commands'", "-d", "all")]
    [InlineData(
        "-object memory-backend-memfd,id=m,size=1M,zzz=1: Invalid parameter 'zzz'", "-object", "memory-backend-memfd,id=m,size=1M,zzz=1")]
    [InlineData("-object memory-backend-memfd,id=m: Parameter 'size' is missing", "-object", "memory-backend-memfd,id=m")]
    [InlineData("-object memory-backend-zzz,id=m,size=1M: Parameter 'qom-type' does not accept value 'memory-backend-zzz'",
        "-object", "memory-backend-zzz,id=m,size=1M")]
    [InlineData("-object {\"qom-type\": \"memory-backend-memfd\", \"id\": \"m\", \"size\": \"x\"}: Parameter 'size' expects uint64",
        "-object", "{\"qom-type\": \"memory-backend-memfd\", \"id\": \"m\", \"size\": \"x\"}")]
    public async Task A_bad_option_ends_it_with_status_1_and_the_option_in_front(string text, params string[] arguments)
    {
        var (exitCode, output, error) = await DaemonFixture.RunToEndAsync(arguments);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith($"hostmemd: {text}", error, StringComparison.Ordinal);
        Assert.EndsWith("\n", error, StringComparison.Ordinal);
    }

    [KvmTheory]
    [InlineData(
        "-accel kvm,dirty-ring-size=16: Enabling of KVM dirty ring failed: Invalid argument. Suggested minimum value is 1024.", "kvm,dirty-ring-size=16")]
    [InlineData("-accel kvm,dirty-ring-size=2147483648: KVM dirty ring size 2147483648 too big (maximum is ", "kvm,dirty-ring-size=2147483648")]
    public Task A_dirty_ring_that_KVM_cannot_have_ends_it_with_status_1(string text, string accel) =>
        What_cannot_be_made_at_the_start_ends_it_with_status_1(text, "-accel", accel);

    [Theory]
    [InlineData("-object memory-backend-memfd,id=m,size=1000: m backing store size 0x3e8 is too small for 'size' option 0x1000 plus 'offset' option 0x0",
        "-accel", "none", "-object", "memory-backend-memfd,id=m,size=1000")]
    [InlineData("-object memory-backend-memfd,id=m,size=2M,guest-memfd=on: 'guest-memfd=on' requires KVM, but the accelerator is 'none'; "
        + "start with '-accel kvm'",
        "-accel", "none", "-object", "memory-backend-memfd,id=m,size=2M,guest-memfd=on")]
    [InlineData("-device pc-dimm,memdev=m: Device 'm' not found",
        "-accel", "none", "-machine", "q35", "-m", "1M,slots=1,maxmem=1G", "-device", "pc-dimm,memdev=m")]
    [InlineData("slots specified but no max-size", "-m", "1M,slots=1")]
    [InlineData("invalid value of maxmem: maximum memory size (0x100000) must be at least the initial memory size (0x200000)", "-m", "2M,maxmem=1M")]
    [InlineData("-pidfile /nonexistent/pid: cannot create PID file", "-accel", "none", "-pidfile", "/nonexistent/pid")]
    [InlineData("-D /nonexistent/log: cannot open the log file", "-D", "/nonexistent/log")]
    public async Task What_cannot_be_made_at_the_start_ends_it_with_status_1(string text, params string[] arguments)
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd-");

        var (exitCode, _, error) = await DaemonFixture.RunToEndAsync([.. arguments, "-qmp", $"unix:{directory.FullName}/qmp"]);

        Assert.Equal(1, exitCode);
        Assert.Contains($"hostmemd: {text}", error, StringComparison.Ordinal);
        Assert.Empty(directory.GetFileSystemInfos());
        directory.Delete();
    }

    [Fact]
    public async Task A_path_that_is_too_long_for_a_socket_is_refused()
    {
        var path = "/tmp/" + new string('x', 200);

        var (exitCode, _, error) = await DaemonFixture.RunToEndAsync("-accel", "none", "-qmp", $"unix:{path}");

        Assert.Equal(1, exitCode);
        Assert.Contains(
            $"hostmemd: -qmp unix:{path}: UNIX socket path '{path}' is too long\nPath must be less than 108 bytes\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public Task Cold_objects_and_devices_are_there_from_the_start() => DaemonFixture.RunAsync(
        "-accel none -machine q35 -m 1M,slots=2,maxmem=1G -name vm1 -uuid 12345678-1234-1234-1234-123456789abc -S "
        + "-object memory-backend-memfd,id=m,size=2M,share=on -object {\"qom-type\":\"memory-backend-ram\",\"id\":\"r\",\"size\":2097152} "
        + "-device pc-dimm,id=d,memdev=m -device {\"driver\":\"pc-dimm\",\"id\":\"e\",\"memdev\":\"r\",\"slot\":1}",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();

            await client.ExchangeAsync(
                """{"execute": "query-memory-devices"}""",
                """
                {"return": [
                  {"type": "dimm", "data": {"$object-with": {"id": "d", "slot": 0, "memdev": "/objects/m", "hotplugged": false}}},
                  {"type": "dimm", "data": {"$object-with": {"id": "e", "slot": 1, "memdev": "/objects/r", "hotplugged": false}}}]}
                """);
            await client.ExchangeAsync("""{"execute": "query-status"}""", """{"return": {"running": false, "status": "prelaunch"}}""");
            await client.ExchangeAsync("""{"execute": "query-name"}""", """{"return": {"name": "vm1"}}""");
            await client.ExchangeAsync("""{"execute": "query-uuid"}""", """{"return": {"UUID": "12345678-1234-1234-1234-123456789abc"}}""");
        });
}
