using Hostmemd.Guests;

namespace Hostmemd.Daemon.Tests.Guests;

/// <summary>A slot that shows the guest other memory than the host sees at its address, which is what comparing is there to find.</summary>
public sealed class ProbeDifferenceTests
{
    private const ulong Gpa = 1UL << 30;
    private const ulong Size = 1 << 20;

    [KvmFact]
    public async Task Where_guest_and_host_see_different_bytes_it_is_told_where_and_how_many_pages()
    {
        await using var guest = await InProcessGuest.StartAsync(new LinuxKernel());
        var client = await guest.ConnectAsync();
        var vm = guest.Guest.Vm!;
        using var file = await vm.RunAsync(v => v.CreateGuestMemfd(Size));
        using var seenByGuest = MappedMemory.Create(vm.Kernel, new MappingOptions { Size = Size, File = file, Shared = true });
        using var seenByHost = MappedMemory.Create(vm.Kernel, new MappingOptions { Size = Size });
        // Bound by descriptor: KVM takes the pages from the file, whatever is mapped at the slot's host address.
        var slot = await vm.RunAsync(v => v.AddSlot(new MemorySlotRequest
        {
            Gpa = new GuestAddress(Gpa),
            Size = Size,
            Hva = seenByHost.Address,
            File = file,
            Use = MemorySlotUse.Device,
        }));
        guest.Guest.Change(state => state with { Slots = state.Slots.Add(new PublishedSlot(slot, null, null)) });

        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 1073741824, "size": 1048576}}""",
            """{"return": {"$object-with": {"outcome": "done", "equal": true, "different-pages": 0}}}""");

        seenByGuest.Write(0x1ffe, [1, 2, 3, 4]);
        seenByGuest.Write(0x80000, [5]);
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 1073741824, "size": 1048576}}""",
            """
            {"return": {"outcome": "done", "generation": "$int", "native": true, "equal": false, "first-difference": 1073750014, "different-pages": 3}}
            """);
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "read", "addr": 1073750015, "size": 3}}""",
            """
            {"return": {"outcome": "done", "generation": "$int", "native": true, "guest-data": "AgME", "host-data": "AAAA", "equal": false,
              "first-difference": 1073750015, "different-pages": 2}}
            """);

        // The host's bytes changed, not the guest's: the same difference, seen from the other side.
        seenByHost.Write(0x1ffe, [1, 2, 3, 4]);
        await client.ExchangeAsync(
            """{"execute": "probe-guest-memory", "arguments": {"operation": "compare", "addr": 1073741825, "size": 1048575}}""",
            """{"return": {"$object-with": {"equal": false, "first-difference": 1074266112, "different-pages": 1}}}""");

        guest.Guest.Change(state => state with { Slots = state.Slots.Remove(Gpa) });
        await vm.RunAsync(v => v.DeleteSlot(slot.Id));
    }
}
