using Xunit;

namespace Hostmemd.Kvm.Tests;

public class MemorySlotTableTests
{
    private const ulong Page = MappedMemory.PageSize;

    [Fact]
    public void Slot_ids_are_reused_lowest_first()
    {
        var table = new MemorySlotTable(100);
        for (var i = 0u; i < 6; i++)
            Assert.Equal(i, table.Reserve(At(i * Page)).Id);
        table.Release(4);
        table.Release(1);
        table.Release(3);
        Assert.Equal(new uint[] { 1, 3, 4, 6 }, Enumerable.Range(10, 4).Select(i => table.Reserve(At((ulong)i * Page)).Id));
    }

    [Theory]
    [InlineData(10, 1, true)]
    [InlineData(9, 1, false)]
    [InlineData(9, 2, true)]
    [InlineData(12, 1, true)]
    [InlineData(13, 1, false)]
    [InlineData(0, 100, true)]
    [InlineData(11, 1, true)]
    public void Overlaps_are_found_and_neighbours_are_none(ulong page, ulong pages, bool overlaps)
    {
        var table = new MemorySlotTable(100);
        var slot = table.Reserve(At(10 * Page, 3 * Page));
        Assert.Equal(overlaps, table.TryFindOverlap(new(page * Page), pages * Page, out _));
        Assert.Equal(overlaps, slot.Overlaps(new(page * Page), pages * Page));
        if (overlaps)
            Assert.Throws<MemorySlotException>(() => table.Reserve(At(page * Page, pages * Page)));
        else
            table.Reserve(At(page * Page, pages * Page));
    }

    [Fact]
    public void The_slot_of_an_address_is_found_up_to_its_last_byte()
    {
        var table = new MemorySlotTable(100);
        var slot = table.Reserve(At(8 * Page, 2 * Page));
        Assert.False(table.TryFind(new(8 * Page - 1), out _));
        Assert.True(table.TryFind(new(8 * Page), out var found));
        Assert.Same(slot, found);
        Assert.True(table.TryFind(new(10 * Page - 1), out _));
        Assert.False(table.TryFind(new(10 * Page), out _));
    }

    [Fact]
    public void A_full_table_refuses_and_takes_again_after_a_release()
    {
        var table = new MemorySlotTable(2);
        table.Reserve(At(0));
        var second = table.Reserve(At(Page));
        Assert.Throws<MemorySlotException>(() => table.Reserve(At(2 * Page)));
        table.Release(second.Id);
        Assert.Equal(1u, table.Reserve(At(2 * Page)).Id);
    }

    [Fact]
    public void Empty_and_wrapping_ranges_are_refused_and_the_very_last_page_is_not()
    {
        var table = new MemorySlotTable(10);
        Assert.Throws<MemorySlotException>(() => table.Reserve(At(0, 0)));
        Assert.Throws<MemorySlotException>(() => table.Reserve(At(ulong.MaxValue - Page + 1, 2 * Page)));
        var last = table.Reserve(At(ulong.MaxValue - Page + 1));
        Assert.Equal(ulong.MaxValue, last.Last.Value);
        Assert.True(table.TryFind(new(ulong.MaxValue), out _));
        Assert.Equal(1, table.Count);
    }

    [Fact]
    public void A_quarantined_slot_keeps_id_and_range()
    {
        var table = new MemorySlotTable(10);
        var slot = table.Reserve(At(0));
        table.Quarantine(slot.Id);
        Assert.True(table.IsQuarantined(slot.Id));
        Assert.Throws<MemorySlotException>(() => table.Reserve(At(0)));
        Assert.Equal(1u, table.Reserve(At(Page)).Id);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_long_random_run_agrees_with_a_simple_model(int seed)
    {
        const int limit = 60;
        var random = new Random(seed);
        var table = new MemorySlotTable(limit);
        var model = new Dictionary<uint, (ulong Gpa, ulong Size)>();
        for (var step = 0; step < 20_000; step++)
        {
            if (model.Count != 0 && random.Next(5) < 2)
            {
                var id = model.Keys.ElementAt(random.Next(model.Count));
                table.Release(id);
                model.Remove(id);
                continue;
            }

            var (gpa, size) = ((ulong)random.Next(400) * Page, (ulong)random.Next(1, 6) * Page);
            var possible = model.Count < limit && !model.Values.Any(r => r.Gpa < gpa + size && gpa < r.Gpa + r.Size);
            if (possible)
            {
                var expected = Enumerable.Range(0, limit).Select(i => (uint)i).First(i => !model.ContainsKey(i));
                Assert.Equal(expected, table.Reserve(At(gpa, size)).Id);
                model.Add(expected, (gpa, size));
            }
            else
            {
                Assert.Throws<MemorySlotException>(() => table.Reserve(At(gpa, size)));
            }

            Assert.Equal(model.Count, table.Count);
        }

        Assert.Equal(model.Values.Order().Select(r => r.Gpa), table.Slots.Select(slot => slot.Gpa.Value));
    }

    [Fact]
    public void As_many_slots_as_KVM_has_are_added_and_removed_quickly()
    {
        const int count = 32764;
        var table = new MemorySlotTable(count);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < count; i++)
            table.Reserve(At((ulong)((i * 7919L) % count) * Page));
        for (var i = 0u; i < count; i++)
            table.Release(i);
        Assert.Equal(0, table.Count);
        // Quadratic would take a minute; this is some tens of milliseconds.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{watch.ElapsedMilliseconds} ms");
    }

    private static MemorySlotRequest At(ulong gpa, ulong size = Page) =>
        new() { Gpa = new(gpa), Size = size, Hva = new(0x10000), Use = MemorySlotUse.Device };
}
