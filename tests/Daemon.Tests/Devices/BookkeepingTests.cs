using System.Diagnostics;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Devices;

/// <summary>What the daemon itself does for a DIMM, without the ioctl: where it goes, the slot's number, what is published.</summary>
public sealed class BookkeepingTests(ITestOutputHelper output)
{
    private const ulong Size = 2 << 20;

    private static readonly Machine Machine = new() { Kind = MachineKind.Q35, RamSize = 0, MaxRamSize = 1UL << 40, DimmSlots = 32000 };

    [Fact]
    public async Task It_costs_at_32000_DIMMs_at_most_twice_what_it_costs_at_100()
    {
        // Maps of ranges are as deep as chance has it: of eight each it is the mean that counts.
        var few = Enumerable.Range(0, 8).Select(_ => new Books(100)).ToList();
        var many = Enumerable.Range(0, 8).Select(_ => new Books(31990)).ToList();

        var (fewest, most, rounds) = (0.0, 0.0, 0);
        await MeasuredRounds.UntilAsync(least: 60, () =>
        {
            few.ForEach(books => books.Measure());
            many.ForEach(books => books.Measure());
            (fewest, most, rounds) = (few.Average(books => books.Best), many.Average(books => books.Best), rounds + 1);
            return Task.FromResult(most <= 2 * fewest);
        });
        output.WriteLine($"plug and unplug: {fewest:f2} us at 100, {most:f2} us at 31,990, the best of {rounds} rounds");
        Assert.True(most <= 2 * fewest, $"{most:f2} us at 31,990 DIMMs, {fewest:f2} us at 100");
    }

    [Fact]
    public void The_highest_slot_taken_first_leaves_the_lowest_ones_to_be_chosen()
    {
        var bay = new DimmBay(Machine);
        Assert.Equal(31999, bay.Take(null, 0, Size, 31999, Size).Slot);
        Assert.Equal(0, bay.Take(null, 0, Size, -1, Size).Slot);
        Assert.Equal(1, bay.Take(null, 0, Size, -1, Size).Slot);
    }

    /// <summary>The bay, the slot table and the published maps, as a plug changes them.</summary>
    private sealed class Books
    {
        private readonly DimmBay _bay = new(Machine);
        private readonly MemorySlotTable _table = new(32764);
        private GuestState _state = new();

        public Books(int count)
        {
            for (var number = 0; number < count; number++)
                Plug($"d{number}");
        }

        /// <summary>Microseconds for a plug and an unplug, in the best round.</summary>
        public double Best { get; private set; } = double.MaxValue;

        public void Measure()
        {
            const int times = 100;
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < times; i++)
                Unplug(Plug("more"));
            Best = Math.Min(Best, Stopwatch.GetElapsedTime(began).TotalMicroseconds / times);
        }

        private Dimm Plug(string id)
        {
            var name = _bay.ClaimName(id);
            var place = _bay.Take(id, 0, Size, -1, Size);
            var slot = _table.Reserve(new MemorySlotRequest
            {
                Gpa = new GuestAddress(place.Addr),
                Size = Size,
                Hva = new HostAddress(1 << 30),
                Use = MemorySlotUse.Device,
            });
            var dimm = new Dimm(id, name, place, 0, null!, true);
            _bay.Publish(dimm);
            _state = _state with
            {
                Dimms = _state.Dimms.Add(place.Addr, dimm),
                Slots = _state.Slots.Add(new PublishedSlot(slot, "/objects/m", "/machine/peripheral/" + name)),
            };
            return dimm;
        }

        private void Unplug(Dimm dimm)
        {
            Assert.Same(dimm, _bay.Find(dimm.Name, _state));
            var slot = _state.Slots[dimm.Place.Addr]!.Slot;
            _state = _state with
            {
                Dimms = _state.Dimms.Remove(dimm.Place.Addr),
                Slots = _state.Slots.Remove(dimm.Place.Addr),
            };
            _table.Release(slot.Id);
            _bay.Release(dimm.Place);
            _bay.ReleaseName(dimm.Name);
        }
    }
}
