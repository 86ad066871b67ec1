using Hostmemd.Guests;
using Hostmemd.Kvm;

namespace Hostmemd.Lending;

/// <summary>The guest addresses that lent memory has in a vhost back end's table.</summary>
internal static class VhostTable
{
    /// <summary>Unplugged memory begins at a multiple of this: the largest page that a file of ours can have.</summary>
    private const ulong Unit = 1 << 30;

    /// <summary>
    /// Memory that is plugged here is where the guest has it. What is not plugged comes behind all of it, in the order given: from 0 where
    /// none is plugged, each at the next multiple of 1 GiB.
    /// </summary>
    /// <exception cref="OverflowException">It does not fit into 64 bits.</exception>
    public static List<VhostRegion> Make(GuestState state, IReadOnlyList<PublishedBackend> backends)
    {
        var regions = new List<VhostRegion>();
        var unplugged = new List<PublishedBackend>();
        foreach (var published in backends)
        {
            var slots = state.Slots.All.Where(slot => slot.Memdev == published.Backend.QomPath).ToList();
            // Without KVM there are no slots, but the DIMM has its address all the same.
            var dimm = state.Dimms.Values.FirstOrDefault(dimm => dimm.Backend == published.Backend);
            if (slots.Count > 0)
                regions.AddRange(slots.Select(slot => new VhostRegion(published.Backend, slot.Slot.Gpa, slot.Slot.Size, slot.Slot.Offset)));
            else if (dimm is not null)
                regions.Add(new VhostRegion(published.Backend, new GuestAddress(dimm.Place.Addr), dimm.Place.Size, 0));
            else
                unplugged.Add(published);
        }
        var next = regions.Count == 0 ? 0 : regions.Max(region => region.Gpa.Value + region.Size);
        foreach (var published in unplugged)
        {
            var gpa = checked(next + (Unit - 1)) & ~(Unit - 1);
            regions.Add(new VhostRegion(published.Backend, new GuestAddress(gpa), published.Backend.Memory.Size, 0));
            next = checked(gpa + published.Backend.Memory.Size);
        }
        return regions;
    }
}
