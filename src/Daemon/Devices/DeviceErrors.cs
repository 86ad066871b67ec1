using Hostmemd.Protocol.Errors;

namespace Hostmemd.Devices;

/// <summary>The error texts of devices. Equal to QEMU 11.1.3's but for those marked as ours.</summary>
internal static class DeviceErrors
{
    public static QmpException NoSuchModel(string driver) => new($"'{driver}' is not a valid device model name");

    public static QmpException AbstractDriver() => new("Parameter 'driver' expects a non-abstract device type");

    public static QmpException BusNotFound(string bus) => new($"Bus '{bus}' not found");

    public static QmpException NotHotpluggable(string driver) => new($"Device '{driver}' can not be hotplugged on this machine");

    public static QmpException IllFormedId(string id) => new($"Invalid qdev ID '{id}'");

    public static QmpException DuplicateId(string id) => new($"Duplicate device ID '{id}'");

    public static QmpException BeingUnplugged(string id) => new($"Device {id} is already in the process of unplug");

    public static QmpException NotADevice(string path) => new($"{path} is not a device");

    public static QmpException MemdevMissing() => new("'memdev' property must be set");

    public static QmpException MemdevBusy(string id) => new($"can't use already busy memdev: {id}");

    /// <summary>QEMU's text, and behind it the figure.</summary>
    public static QmpException NoKvmSlots(int limit) => new($"hypervisor has no free memory slots left; KVM has {limit}");

    public static QmpException NoSlots() => new("no slots where allocated, please specify the 'slots' option");

    public static QmpException InvalidSlot(long slot, uint slots) => new($"invalid slot number {slot}, valid range is [0-{slots - 1}]");

    public static QmpException SlotBusy(long slot) => new($"slot {slot} is busy");

    public static QmpException NoFreeSlots() => new("no free slots available");

    public static QmpException NotEnoughSpace(ulong used, ulong total) =>
        new($"not enough space, currently 0x{used:x} in use of total space for memory devices 0x{total:x}");

    public static QmpException Misaligned(ulong alignment) => new($"address must be aligned to 0x{alignment:x} bytes");

    public static QmpException SizeMisaligned(ulong alignment) => new($"backend memory size must be multiple of 0x{alignment:x}");

    public static QmpException OutOfRange(ulong addr, ulong size, ulong start, ulong window) =>
        new($"can't add memory device [0x{addr:x}:0x{size:x}], usable range for memory devices [0x{start:x}:0x{window:x}]");

    public static QmpException Conflict(string? id) => new($"address range conflicts with memory device id='{id ?? "(unnamed)"}'");

    public static QmpException NoGap() =>
        new("could not find position in guest address space for memory device - memory fragmented due to alignments");

    public static QmpException NodeOutOfRange(uint node, uint nodes) =>
        new($"'DIMM property node has value {node}' which exceeds the number of numa nodes: {nodes}");

    public static QmpException FixedByRealize(string property, string id, string type, bool isLink) =>
        new($"Attempt to set {(isLink ? "link " : "")}property '{property}' on device '{id}' (type '{type}') after it was realized");

    /// <summary>Ours: QEMU aborts here.</summary>
    public static QmpException SlotFailed(string error) => new($"cannot register memory in KVM: {error}");

    /// <summary>Ours: QEMU aborts here.</summary>
    public static QmpException SlotStuck(string id, string error) =>
        new($"device '{id}' could not be unplugged: KVM did not delete its memory slot ({error}); device and memory are kept");
}
