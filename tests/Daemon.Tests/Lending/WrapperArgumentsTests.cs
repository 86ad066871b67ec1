using Hostmemd.QemuHostmem;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>What qemu-hostmem makes of command lines: pure.</summary>
public sealed class WrapperArgumentsTests
{
    private static readonly ChosenBackend Ram = new("ram", 64 << 20, IsLater: false, Path: null, "{}");

    [Fact]
    public void The_source_gets_nothing_of_the_host()
    {
        var made = SourceArguments.Make(
            [
                "chroot", "/srv", "qemu", "-M", "q35", "-nographic", "-S", "-pidfile", "/run/p", "-qmp", "unix:/run/q",
                "-serial", "mon:stdio", "-chardev", "socket,id=c,path=/run/c", "-netdev", "tap,id=n,ifname=tap0", "-device", "virtio-net-pci,netdev=n",
                "-drive", "file=/disk,if=none,id=d,format=raw", "-blockdev", """{"driver": "file", "node-name": "b", "filename": "/disk"}""",
                "-hda", "/disk", "-cdrom", "/iso",
            ],
            [Ram, Ram with { Id = "hot", IsLater = true }], "/tmp/s");

        Assert.Equal(
            [
                "chroot", "/srv", "qemu", "-M", "q35", "-serial", "null", "-chardev", "null,id=c", "-netdev", "hubport,hubid=0,id=n",
                "-device", "virtio-net-pci,netdev=n", "-drive", "if=none,id=d,driver=null-co", "-blockdev", "driver=null-co,node-name=b",
                "-drive", "if=ide,index=0,driver=null-co", "-cdrom", "/iso",
                "-object", "memory-backend-memfd,id=ram,size=67108864,share=on",
                "-machine", "aux-ram-share=on", "-display", "none", "-monitor", "none", "-S", "-qmp", "unix:/tmp/s,server=on,wait=off",
            ],
            made);
    }

    [Theory]
    [InlineData("64M")]
    [InlineData("64")]
    [InlineData("65536K")]
    [InlineData("size=64M,slots=2,maxmem=1G")]
    public void Ram_of_the_backends_size_fits(string size) =>
        QemuArguments.Check(["qemu", "-machine", "q35,memory-backend=ram", "-m", size], [Ram]);

    [Theory]
    [InlineData("they must be equal", "-M", "q35,memory-backend=ram", "-m", "1G")]
    [InlineData("they must be equal", "-M", "q35,memory-backend=ram")]
    [InlineData("is named by an '-object' of QEMU too", "-object", "memory-backend-ram,size=64M,id=ram")]
    [InlineData("is named by an '-object' of QEMU too", "-object", """{"qom-type": "memory-backend-ram", "id": "ram", "size": 1}""")]
    public void What_does_not_fit_is_refused(string text, params string[] arguments) => Assert.Contains(
        text, Assert.Throws<HostmemException>(() => QemuArguments.Check(["qemu", .. arguments], [Ram])).Message, StringComparison.Ordinal);

    [Fact]
    public void Ram_cannot_come_later() => Assert.Throws<HostmemException>(
        () => QemuArguments.Check(["qemu", "-M", "q35,memory-backend=ram", "-m", "64M"], [Ram with { IsLater = true }]));

    [Fact]
    public void A_machine_without_a_backend_gets_one_for_cpr()
    {
        Assert.Empty(QemuArguments.SharedRam(["qemu", "-M", "q35,memory-backend=ram"]));
        Assert.Equal(
            ["-object", "memory-backend-memfd,id=qemu-hostmem-ram,size=268435456,share=on", "-machine", "memory-backend=qemu-hostmem-ram"],
            QemuArguments.SharedRam(["qemu", "-m", "256M,slots=2"]));
    }

    [Fact]
    public void The_command_line_is_taken_apart()
    {
        var options = HostmemOptions.Parse(["--cpr", "/run/s", "ram", "hot,later", "--", "qemu", "-S", "--", "x"]);

        Assert.Equal("/run/s", options.Socket);
        Assert.True(options.AlwaysByCpr);
        Assert.Equal([new WantedBackend("ram", IsLater: false), new WantedBackend("hot", IsLater: true)], options.Backends);
        Assert.Equal(["qemu", "-S", "--", "x"], options.Command);
    }

    [Theory]
    [InlineData("/run/s", "ram")]
    [InlineData("/run/s", "ram", "--")]
    [InlineData("/run/s", "--", "qemu")]
    [InlineData("--what", "/run/s", "ram", "--", "qemu")]
    [InlineData("/run/s", "ram", "ram,later", "--", "qemu")]
    public void A_wrong_command_line_is_explained(params string[] arguments) =>
        Assert.NotEmpty(Assert.Throws<FormatException>(() => HostmemOptions.Parse(arguments)).Message);
}
