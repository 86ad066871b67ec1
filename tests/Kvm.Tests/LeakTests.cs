using System.Runtime.CompilerServices;
using Xunit;

namespace Hostmemd.Kvm.Tests;

/// <summary>Not beside other tests: they count the descriptors and mappings of the whole process.</summary>
[Collection(nameof(LeakTests))]
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
public class LeakTests
{
    private const ulong MiB = 1 << 20;
    private readonly LinuxKernel _kernel = new();

    [KvmFact]
    public async Task A_thousand_rounds_leak_no_descriptor_and_no_mapping()
    {
        await using var vm = await VmThread.StartAsync(_kernel);
        await RoundsAsync(vm, 20);
        var before = (Descriptors(), Mappings());
        await RoundsAsync(vm, 1000);
        var after = (Descriptors(), Mappings());
        // The runtime maps its own memory meanwhile; a leak would be a thousand.
        Assert.InRange(after.Item1 - before.Item1, -20, 20);
        Assert.InRange(after.Item2 - before.Item2, -200, 200);
    }

    [KvmFact]
    public async Task VMs_and_probes_leave_nothing_behind()
    {
        await ProbesAsync(2);
        var before = Descriptors();
        await ProbesAsync(30);
        Assert.InRange(Descriptors() - before, -20, 20);
    }

    [Fact]
    public void A_descriptor_or_mapping_that_nobody_closed_is_reported_and_stays()
    {
        var reports = new List<string>();
        var (fd, address) = Lose(reports);
        for (var i = 0; i < 50 && Count(reports) < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Contains($"Memfd {fd} was never closed", reports);
        Assert.Contains($"MappedMemory {address} was never closed", reports);
        Assert.True(File.Exists($"/proc/self/fdinfo/{fd}"));
        _kernel.WriteMemory(address, [1]);
        new Memfd(fd).Dispose();
        _kernel.Munmap(address, MiB + MappedMemory.PageSize);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (int Fd, HostAddress Address) Lose(List<string> reports)
    {
        void Report(string text)
        {
            lock (reports)
                reports.Add(text);
        }

        var kernel = new LinuxKernel(Report);
        return (kernel.MemfdCreate("lost", MemfdFlags.None).Number, MappedMemory.Create(kernel, new() { Size = MiB }, Report).Address);
    }

    private static int Count(List<string> reports)
    {
        lock (reports)
            return reports.Count;
    }

    private async Task RoundsAsync(VmThread vm, int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var file = await vm.RunAsync(v => v.CreateGuestMemfd(MiB));
            using var memory = MappedMemory.Create(_kernel, new() { Size = MiB, File = file, Shared = true });
            var slot = await vm.RunAsync(v => v.AddSlot(
                new() { Gpa = new(MiB), Size = MiB, Hva = memory.Address, Use = MemorySlotUse.Device, File = i % 2 == 0 ? file : null }));
            Assert.Equal(0u, slot.Id);
            await vm.RunAsync(v => v.DeleteSlot(slot.Id));
        }
    }

    private async Task ProbesAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            await using var vm = await VmThread.StartAsync(_kernel);
            await using var probe = await ProbeVcpu.CreateAsync(vm, new(1UL << 40));
            Assert.Equal(ProbeOutcome.Mmio, (await probe.ReadAsync(new(0), 1)).Outcome);
        }
    }

    private static int Descriptors() => Directory.GetFiles("/proc/self/fdinfo").Length;

    private static int Mappings() => File.ReadLines("/proc/self/maps").Count();
}
