using System.Security.Cryptography;
using Xunit;

namespace Hostmemd.Kvm.Tests;

public sealed class ProbeVcpuTests : IAsyncLifetime
{
    private const ulong MiB = 1 << 20;
    private static readonly GuestAddress ProbeAt = new(1UL << 40);

    private readonly LinuxKernel _kernel = new();
    private readonly List<IDisposable> _owned = [];
    private VmThread _vm = null!;
    private ProbeVcpu _probe = null!;

    public async Task InitializeAsync()
    {
        _vm = await VmThread.StartAsync(_kernel);
        _probe = await ProbeVcpu.CreateAsync(_vm, ProbeAt);
    }

    public async Task DisposeAsync()
    {
        await _probe.DisposeAsync();
        await _vm.DisposeAsync();
        foreach (var owned in Enumerable.Reverse(_owned))
            owned.Dispose();
    }

    [KvmFact]
    public async Task Guest_memfd_by_address_is_read_and_written_natively()
    {
        var file = await _vm.RunAsync(vm => vm.CreateGuestMemfd(4 * MiB));
        _owned.Add(file);
        var memory = Map(new MappingOptions { Size = 4 * MiB, File = file, Shared = true });
        await AddSlotAsync(memory, new(0));
        await BothWaysAsync(memory, new(0));
    }

    [KvmFact]
    public async Task Guest_memfd_by_descriptor_is_read_and_written_natively()
    {
        var file = await _vm.RunAsync(vm => vm.CreateGuestMemfd(4 * MiB));
        _owned.Add(file);
        var memory = Map(new MappingOptions { Size = 4 * MiB, File = file, Shared = true });
        await AddSlotAsync(memory, new(0x1000), file);
        await BothWaysAsync(memory, new(0x1000));
    }

    [KvmFact]
    public async Task Memfd_is_read_and_written_natively()
    {
        var file = _kernel.MemfdCreate("test", MemfdFlags.None);
        _owned.Add(file);
        _kernel.Ftruncate(file, 4 * MiB);
        var memory = Map(new MappingOptions { Size = 4 * MiB, File = file, Shared = true });
        await AddSlotAsync(memory, new(5UL << 30));
        await BothWaysAsync(memory, new(5UL << 30));
    }

    [KvmFact]
    public async Task Anonymous_memory_is_read_and_written_natively()
    {
        var memory = Map(new MappingOptions { Size = 4 * MiB });
        await AddSlotAsync(memory, new(0));
        await BothWaysAsync(memory, new(0));
    }

    [KvmFact]
    public async Task A_descriptor_bound_slot_shows_the_file_even_where_the_address_holds_something_else()
    {
        var file = await _vm.RunAsync(vm => vm.CreateGuestMemfd(MiB));
        _owned.Add(file);
        var truth = Map(new MappingOptions { Size = MiB, File = file, Shared = true });
        var other = Map(new MappingOptions { Size = MiB });
        truth.Write(0, [42]);
        other.Write(0, [77]);
        await AddSlotAsync(other, new(0), file);
        Assert.Equal(42, (await _probe.ReadAsync(new(0), 1)).Data.Span[0]);
    }

    [KvmFact]
    public async Task An_empty_address_is_mmio_and_the_next_access_works()
    {
        var memory = Map(new MappingOptions { Size = MiB });
        await AddSlotAsync(memory, new(0));
        foreach (var size in new[] { 1, 4096, 65536 })
        {
            var read = await _probe.ReadAsync(new(1UL << 36), size);
            Assert.Equal((ProbeOutcome.Mmio, false, new GuestAddress(1UL << 36)), (read.Outcome, read.Native, read.FaultAddress!.Value));
            await AssertWorksAsync(memory);
            var write = await _probe.WriteAsync(new(1UL << 36), new byte[size]);
            Assert.Equal((ProbeOutcome.Mmio, new GuestAddress(1UL << 36)), (write.Outcome, write.FaultAddress!.Value));
            await AssertWorksAsync(memory);
        }
    }

    [KvmFact]
    public async Task Reading_past_the_end_of_a_slot_is_mmio_at_its_end()
    {
        var memory = Map(new MappingOptions { Size = MiB });
        await AddSlotAsync(memory, new(0));
        var result = await _probe.ReadAsync(new(MiB - 100), 200);
        Assert.Equal((ProbeOutcome.Mmio, new GuestAddress(MiB)), (result.Outcome, result.FaultAddress!.Value));
        await AssertWorksAsync(memory);
    }

    [KvmFact]
    public async Task A_read_only_slot_can_be_read_and_a_write_is_mmio()
    {
        var memory = Map(new MappingOptions { Size = MiB });
        await _vm.RunAsync(vm => vm.AddSlot(
            new() { Gpa = new(0), Size = MiB, Hva = memory.Address, Use = MemorySlotUse.Device, ReadOnly = true }));
        var write = await _probe.WriteAsync(new(0x123), new byte[16]);
        Assert.Equal((ProbeOutcome.Mmio, new GuestAddress(0x123)), (write.Outcome, write.FaultAddress!.Value));
        await AssertWorksAsync(memory);
    }

    [KvmFact]
    public async Task A_slot_whose_memory_is_out_of_reach_gives_efault_and_the_next_access_works()
    {
        var memory = Map(new MappingOptions { Size = MiB });
        var gone = Map(new MappingOptions { Size = MiB });
        await AddSlotAsync(memory, new(0));
        await AddSlotAsync(gone, new(16 * MiB));
        // As good as unmapped, and no other thread's mapping can come into its place.
        _kernel.Mprotect(gone.Address, MiB, MemoryProtection.None);
        var read = await _probe.ReadAsync(new(16 * MiB), 64);
        Assert.Equal((ProbeOutcome.Efault, new GuestAddress(16 * MiB)), (read.Outcome, read.FaultAddress!.Value));
        await AssertWorksAsync(memory);
        var write = await _probe.WriteAsync(new(16 * MiB), new byte[64]);
        Assert.Equal((ProbeOutcome.Efault, new GuestAddress(16 * MiB)), (write.Outcome, write.FaultAddress!.Value));
        await AssertWorksAsync(memory);
    }

    [KvmFact]
    public async Task A_slot_whose_guest_memfd_is_closed_gives_a_memory_fault_and_the_next_access_works()
    {
        var memory = Map(new MappingOptions { Size = MiB });
        await AddSlotAsync(memory, new(0));
        var file = await _vm.RunAsync(vm => vm.CreateGuestMemfd(MiB));
        var mapped = MappedMemory.Create(_kernel, new MappingOptions { Size = MiB, File = file, Shared = true });
        await AddSlotAsync(mapped, new(16 * MiB), file);
        mapped.Dispose();
        file.Dispose();
        var read = await _probe.ReadAsync(new(16 * MiB), 64);
        Assert.Equal((ProbeOutcome.MemoryFault, new GuestAddress(16 * MiB)), (read.Outcome, read.FaultAddress!.Value));
        await AssertWorksAsync(memory);
    }

    [KvmFact]
    public async Task After_a_shutdown_and_after_a_timeout_the_next_access_works()
    {
        var memory = Map(new MappingOptions { Size = MiB });
        await AddSlotAsync(memory, new(0));
        // What an interrupt table at address 0 would look like: it must not be one.
        memory.Write(0, Enumerable.Repeat((byte)0xee, 4096).ToArray());
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(ProbeOutcome.Shutdown, (await _probe.RunAsync(ProbeMemory.CrashEntry, TimeSpan.FromSeconds(5))).Outcome);
            await AssertWorksAsync(memory);
            Assert.Equal(ProbeOutcome.Timeout, (await _probe.RunAsync(ProbeMemory.SpinEntry, TimeSpan.FromMilliseconds(30))).Outcome);
            await AssertWorksAsync(memory);
        }
    }

    [KvmFact]
    public async Task A_slot_that_comes_and_goes_is_seen_and_not_seen()
    {
        var one = Map(new MappingOptions { Size = MiB });
        var two = Map(new MappingOptions { Size = MiB });
        one.Write(0, [1]);
        two.Write(0, [2]);
        for (var i = 0; i < 5; i++)
        {
            foreach (var memory in new[] { one, two })
            {
                var slot = await AddSlotAsync(memory, new(64 * MiB));
                var result = await _probe.ReadAsync(new(64 * MiB), 1);
                Assert.Equal((true, memory == one ? 1 : 2), (result.Native, result.Data.Span[0]));
                await _vm.RunAsync(vm => vm.DeleteSlot(slot.Id));
                // Twice: an emulator that was left with an answer would give it to the second.
                Assert.Equal(ProbeOutcome.Mmio, (await _probe.ReadAsync(new(64 * MiB), 1)).Outcome);
                Assert.Equal(ProbeOutcome.Mmio, (await _probe.ReadAsync(new(64 * MiB), 1)).Outcome);
            }
        }
    }

    [KvmFact]
    public async Task Ranges_that_make_no_sense_are_refused()
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(() => _probe.ReadAsync(ProbeAt, 1));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => _probe.ReadAsync(new(ProbeAt.Value - 1), 2));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => _probe.ReadAsync(new(ulong.MaxValue), 2));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => _probe.ReadAsync(new(0), 0));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => _probe.ReadAsync(new(0), ProbeVcpu.MaxTransfer + 1));
    }

    private async Task BothWaysAsync(MappedMemory memory, GuestAddress gpa)
    {
        var (start, expected) = (RandomNumberGenerator.GetBytes((int)memory.Size), new byte[memory.Size]);
        memory.Write(0, start);
        foreach (var (offset, size) in new[] { (0, 1), (4095, 2), (0xfff, 4098), (123, 65536), (2 << 20, 4096), ((2 << 20) - 7, 1 << 20) })
        {
            var read = await _probe.ReadAsync(gpa.Add((ulong)offset), size);
            Assert.Equal((ProbeOutcome.Done, true), (read.Outcome, read.Native));
            Assert.True(read.Data.Span.SequenceEqual(start.AsSpan(offset, size)));

            RandomNumberGenerator.Fill(start.AsSpan(offset, size));
            var write = await _probe.WriteAsync(gpa.Add((ulong)offset), start.AsMemory(offset, size));
            Assert.Equal((ProbeOutcome.Done, true), (write.Outcome, write.Native));
        }

        memory.Read(0, expected);
        Assert.True(expected.AsSpan().SequenceEqual(start));
    }

    private async Task AssertWorksAsync(MappedMemory memory)
    {
        var data = RandomNumberGenerator.GetBytes(5000);
        memory.Write(0x777, data);
        var result = await _probe.ReadAsync(new(0x777), data.Length);
        Assert.Equal((ProbeOutcome.Done, true), (result.Outcome, result.Native));
        Assert.True(result.Data.Span.SequenceEqual(data));
    }

    private MappedMemory Map(MappingOptions options)
    {
        var memory = MappedMemory.Create(_kernel, options);
        _owned.Add(memory);
        return memory;
    }

    private Task<MemorySlot> AddSlotAsync(MappedMemory memory, GuestAddress gpa, GuestMemfd? file = null) =>
        _vm.RunAsync(vm => vm.AddSlot(
            new() { Gpa = gpa, Size = memory.Size, Hva = memory.Address, Use = MemorySlotUse.Device, File = file }));
}
