using Hostmemd.Daemon.Tests.Processes;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hostmemd.Daemon.Tests.GuestMemory;

/// <summary>docs/guest-memfd.md, "What outlives what": the bytes belong to whoever holds the file, the slot by descriptor to one VM for ever.</summary>
public sealed class GuestMemfdLifeTests
{
    private const ulong Size = 2 << 20;
    private static readonly GuestAddress Gpa = new(4UL << 30);

    private readonly LinuxKernel _kernel = new();

    [KvmTheory]
    [InlineData(DaemonFixture.SigKill)]
    [InlineData(DaemonFixture.SigTerm)]
    public async Task What_was_sent_outlives_the_daemon_and_its_VM(int signal)
    {
        SafeFileHandle? kept = null;
        await DaemonFixture.RunAsync("-accel kvm -machine q35 -m 0,slots=1,maxmem=1G", async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await client.ExchangeAsync(
                """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-guest-memfd", "id": "m", "size": 2097152}}""", """{"return": {}}""");
            await client.ExchangeAsync(
                """{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}""", """{"return": {}}""");
            kept = Assert.Single((await client.RequestDescriptorAsync("m")).Descriptors);
            await client.ExchangeAsync(
                """{"execute": "probe-guest-memory", "arguments": {"operation": "write", "addr": 4294967296, "data": "aG9zdG1lbWQ=", "force": true}}""",
                """{"return": {"$object-with": {"outcome": "done", "native": true}}}""");
            // The daemon's VM is alive and has it bound; another VM has it by address.
            await SeeInAnotherVmAsync(kept, "hostmemd"u8.ToArray(), "HOSTMEMD"u8.ToArray());
            await client.ExchangeAsync(
                """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 4294967296, "size": 8}}""",
                """{"return": {"$object-with": {"outcome": "done", "guest-data": "SE9TVE1FTUQ="}}}""");
            daemon.Signal(signal);
            await daemon.WaitForExitAsync();
        });

        using var file = kept!;
        await SeeInAnotherVmAsync(file, "HOSTMEMD"u8.ToArray(), "again!!!"u8.ToArray());
        _kernel.Fallocate(file, FallocateMode.PunchHole | FallocateMode.KeepSize, 0, 4096);
        await SeeInAnotherVmAsync(file, new byte[8], "at last!"u8.ToArray());
    }

    [KvmFact]
    public async Task A_mapping_alone_keeps_the_bytes()
    {
        await using var vm = await VmThread.StartAsync(_kernel);
        var file = await vm.RunAsync(v => v.CreateGuestMemfd(Size));
        using var memory = MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = file, Shared = true });
        memory.Write(0, "hostmemd"u8);
        file.Dispose();
        var seen = new byte[8];
        memory.Read(0, seen);
        Assert.Equal("hostmemd"u8.ToArray(), seen);
    }

    /// <summary>A VM of this process finds the bytes by address and writes others; by descriptor KVM does not let it have the file.</summary>
    private async Task SeeInAnotherVmAsync(SafeFileHandle file, byte[] expected, byte[] written)
    {
        await using var vm = await VmThread.StartAsync(_kernel);
        await using var probe = await ProbeVcpu.CreateAsync(vm, new GuestAddress(8UL << 30));
        using var memory = MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = file, Shared = true });
        var request = new MemorySlotRequest { Gpa = Gpa, Size = Size, Hva = memory.Address, Use = MemorySlotUse.Device };
        using var asGuestMemfd = GuestMemfd.TakeFrom(_kernel.Duplicate(file));
        var refused = await Assert.ThrowsAsync<KernelException>(() => vm.RunAsync(v => v.AddSlot(request with { File = asGuestMemfd })));
        Assert.Equal(Errno.EINVAL, refused.Errno);

        var slot = await vm.RunAsync(v => v.AddSlot(request with { DirtyLog = true }));
        var read = await probe.ReadAsync(Gpa, expected.Length);
        Assert.Equal((ProbeOutcome.Done, true), (read.Outcome, read.Native));
        Assert.Equal(expected, read.Data.ToArray());
        Assert.Equal(ProbeOutcome.Done, (await probe.WriteAsync(Gpa, written)).Outcome);
        // There it is a plain slot, with a log.
        Assert.Equal(1UL, (await vm.RunAsync(v => v.GetDirtyLog(slot.Id)))[0]);
        await vm.RunAsync(v => v.DeleteSlot(slot.Id));
    }
}
