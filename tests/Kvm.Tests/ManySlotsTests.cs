using System.Diagnostics;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Kvm.Tests;

/// <summary>Few memories cut into all the slots that KVM has, page by page, and all of them away again; on the real kernel.</summary>
public class ManySlotsTests(ITestOutputHelper output)
{
    private const ulong Page = MappedMemory.PageSize;
    private const int Memories = 4;

    private static readonly GuestAddress Base = new(4UL << 30);

    private readonly LinuxKernel _kernel = new();

    [KvmFact]
    public async Task A_vCPU_sees_each_slot_the_limit_is_named_and_what_is_deleted_can_be_had_again()
    {
        await using var vm = await VmThread.StartAsync(_kernel);
        await using var probe = await ProbeVcpu.CreateAsync(vm, new GuestAddress(1UL << 40));
        // The probe has one.
        var count = vm.Capabilities.MaxSlots - 1;
        var perMemory = (ulong)(count / Memories) + 1;
        using var files = new Disposables<Memfd>([.. Enumerable.Range(0, Memories).Select(_ => _kernel.MemfdCreate("slots", MemfdFlags.None))]);
        foreach (var file in files.All)
            _kernel.Ftruncate(file, perMemory * Page);
        using var memories = new Disposables<MappedMemory>([.. files.All.Select(file =>
            MappedMemory.Create(_kernel, new MappingOptions { Size = perMemory * Page, File = file, Shared = true }))]);
        MemorySlotRequest Request(int slot) => new()
        {
            // Every second one is empty, so that none of them lies beside another.
            Gpa = Base.Add((ulong)slot * 2 * Page),
            Size = Page,
            Hva = memories.All[slot % Memories].Address.Add((ulong)(slot / Memories) * Page),
            Use = MemorySlotUse.Device,
        };

        var began = Stopwatch.GetTimestamp();
        var slots = await vm.RunAsync(v => Enumerable.Range(0, count).Select(slot => v.AddSlot(Request(slot))).ToList());
        output.WriteLine($"{count} slots added in {Stopwatch.GetElapsedTime(began).TotalSeconds:f2} s");
        Assert.Equal(count, slots.Select(slot => slot.Id).Distinct().Count());
        var refused = await Assert.ThrowsAsync<MemorySlotException>(() => vm.RunAsync(v => v.AddSlot(Request(count))));
        Assert.Equal($"All {vm.Capabilities.MaxSlots} memory slots are in use.", refused.Message);

        foreach (var slot in (int[])[0, 1, 2, 3, count / 2, count - 1])
        {
            memories.All[slot % Memories].Write((ulong)(slot / Memories) * Page, BitConverter.GetBytes(slot + 1));
            var read = await probe.ReadAsync(Request(slot).Gpa, 4);
            Assert.Equal((ProbeOutcome.Done, slot + 1), (read.Outcome, BitConverter.ToInt32(read.Data.Span)));
            Assert.Equal(ProbeOutcome.Mmio, (await probe.ReadAsync(Request(slot).Gpa.Add(Page), 4)).Outcome);
        }

        var middle = slots[count / 2];
        await vm.RunAsync(v => v.DeleteSlot(middle.Id));
        Assert.Equal(middle.Id, (await vm.RunAsync(v => v.AddSlot(Request(count)))).Id);
        began = Stopwatch.GetTimestamp();
        await vm.RunAsync(v =>
        {
            foreach (var slot in slots)
                v.DeleteSlot(slot.Id);
        });
        output.WriteLine($"and deleted in {Stopwatch.GetElapsedTime(began).TotalSeconds:f2} s");
        Assert.Equal(1, await vm.RunAsync(v => v.Slots.Count));
        Assert.Equal(ProbeOutcome.Mmio, (await probe.ReadAsync(Request(0).Gpa, 4)).Outcome);
    }

    private sealed class Disposables<T>(T[] all) : IDisposable
        where T : IDisposable
    {
        public T[] All { get; } = all;

        public void Dispose()
        {
            foreach (var one in All)
                one.Dispose();
        }
    }
}
