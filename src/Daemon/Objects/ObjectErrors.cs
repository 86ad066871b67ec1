using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects;

/// <summary>The error texts of objects and their properties. Equal to QEMU 11.1.3's but for those marked as ours.</summary>
internal static class ObjectErrors
{
    public static QmpException NotAnIdentifier(string parameter) => new($"Parameter '{parameter}' expects an identifier");

    public static QmpException DuplicateId(string id) => new($"attempt to add duplicate property '{id}' to object (type 'container')");

    public static QmpException NotFound(string id) => new($"object '{id}' not found");

    public static QmpException DeviceNotFound(string path) => new(QmpErrorClass.DeviceNotFound, $"Device '{path}' not found");

    public static QmpException ClassNotFound(string type) => new(QmpErrorClass.DeviceNotFound, $"Class '{type}' not found");

    public static QmpException AmbiguousPath(string path) => new($"Path '{path}' is ambiguous");

    public static QmpException PropertyNotFound(string type, string property) => new($"Property '{type}.{property}' not found");

    public static QmpException PropertyNotWritable(string type, string property) => new($"Property '{type}.{property}' is not writable");

    public static QmpException PropertyRefusesZero(string type, string property) => new($"property '{property}' of {type} doesn't take value '0'");

    public static QmpException CannotChangeSize(string type) => new($"cannot change property size of {type} ");

    public static QmpException CannotChange() => new("cannot change property value");

    public static QmpException PreallocWithoutReserve() => new("'prealloc=on' and 'reserve=off' are incompatible");

    public static QmpException NodeOutOfRange(ushort node) => new($"Invalid host-nodes value: {node}");

    public static QmpException NodesWithoutPolicy() =>
        new("host-nodes must be empty for policy default, or you should explicitly specify a policy other than default");

    public static QmpException PolicyWithoutNodes(string policy) => new($"host-nodes must be set for policy {policy}");

    public static QmpException CannotChange(string property, string type, bool dot = false) =>
        new($"cannot change property '{property}' of {type}{(dot ? "." : "")}");

    public static QmpException InvalidType(string type) => new($"invalid object type: {type}");

    public static QmpException ShmNotShared() => new("can't create shm backend with `share=off`");

    public static QmpException RomNeedsReadOnly() => new("property 'rom' = 'on' is not supported with 'readonly' = 'off'");

    public static QmpException RomOffShared() => new("property 'rom' = 'off' is incompatible with 'readonly' = 'on' and 'share' = 'on'");

    public static QmpException NotReadable(string type, string property) => new($"Property '{type}.{property}' is not readable");

    public static QmpException HugetlbSizeZero() => new("Property 'memory-backend-memfd.hugetlbsize' doesn't take value '0'");

    public static QmpException HugetlbSizeNoPowerOfTwo() => new("Hugepage size must be a power of 2");

    public static QmpException WrongLink(string property, string type) => new($"Invalid parameter type for '{property}', expected: {type}");

    public static QmpException CurrentMonitor() => new("Cannot delete the current QMP monitor");

    public static QmpException Mapped(string id) => new($"Cannot delete host memory backend '{id}' which is mapped");

    // Getting the memory.
    public static QmpException CannotSetUp(string id, string error) => new($"cannot set up guest memory '{id}': {error}");

    public static QmpException MemfdFailed(uint flags, string error) => new($"failed to create memfd with flags 0x{flags:x}: {error}");

    public static QmpException ResizeFailed(string what, ulong size, string error) => new($"failed to resize {what} to {size}: {error}");

    public static QmpException SealFailed(uint seals, string error) => new($"failed to add seals 0x{seals:x}: {error}");

    public static QmpException StoreTooSmall(string id, ulong stored, ulong size, ulong offset) =>
        new($"{id} backing store size 0x{stored:x} is too small for 'size' option 0x{size:x} plus 'offset' option 0x{offset:x}");

    public static QmpException CannotOpen(string path, string error) => new($"can't open backing store {path} for guest RAM: {error}");

    public static QmpException ShmFailed(string error) => new($"failed to create POSIX shared memory: {error}");

    public static QmpException AlignmentNoMultiple(ulong alignment, ulong page) =>
        new($"alignment 0x{alignment:x} must be multiples of page size 0x{page:x}");

    public static QmpException AlignmentNoPowerOfTwo(ulong alignment) => new($"alignment 0x{alignment:x} must be a power of two");

    public static QmpException OffsetNoMultiple(ulong offset, ulong page) =>
        new($"offset 0x{offset:x} must be multiples of page size 0x{page:x}");

    public static QmpException SizeUnaligned(string type, ulong page) =>
        new($"backend '{type}' memory size must be multiple of {(page < 1 << 20 ? $"{page >> 10} KiB" : page < 1 << 30 ? $"{page >> 20} MiB" : $"{page >> 30} GiB")}");

    public static QmpException MapFailed(string error) => new($"unable to map backing store for guest RAM: {error}");

    public static QmpException BindFailed(string error) => new($"cannot bind memory to host NUMA nodes: {error}");

    public static QmpException PreallocFailed(string error) => new($"qemu_prealloc_mem: preallocating memory failed: {error}");

    /// <summary>Ours: QEMU would be ended by the kernel instead.</summary>
    /// <param name="name">The property or argument that asks for it.</param>
    public static QmpException PreallocTooLarge(string name, ulong size, ulong host) =>
        new($"{Asks(name, size)} is beyond the host's memory and swap ({host} bytes), use a smaller '{name}'");

    /// <summary>Ours.</summary>
    public static QmpException PreallocBeyondGroup(string name, ulong size, ulong limit, string file) =>
        new($"{Asks(name, size)} is beyond the control group's limit ({file}, with swap {limit} bytes), use a smaller '{name}'");

    /// <summary>Ours: QEMU says what the system call says that fails.</summary>
    public static QmpException NoRoom(string id, string what, ulong used, ulong limit, string setting) =>
        new($"no room for memory backend '{id}': {used} of {limit} {what} are in use, raise {setting}");

    /// <summary>Ours.</summary>
    public static QmpException NotKept(string id, string reason) => new($"memory backend '{id}' would not outlive the daemon: {reason}");

    /// <summary>Ours.</summary>
    public static QmpException UsedByJob(string id, string job) => new($"memory backend '{id}' is used by job '{job}'");

    /// <summary>Ours.</summary>
    public static QmpException BeingDeleted(string id) => new($"memory backend '{id}' is being deleted");

    /// <summary>Ours.</summary>
    public static QmpException HostMemoryUnknown(string error) => new($"cannot find out the host's memory and swap: {error}");

    /// <summary>Ours: QEMU does not look.</summary>
    public static QmpException MergeFailed(string id, string error) => new($"cannot change 'merge' of memory backend '{id}': {error}");

    /// <summary>Ours: the first cause, and that its undo failed too.</summary>
    public static QmpException Lost(QmpException cause, string id) =>
        new(cause.ErrorClass, $"{cause.Message}; what was mapped could not be unmapped again, id '{id}' is not reused");

    /// <summary>Ours.</summary>
    public static QmpException Quarantined(string id, string error) =>
        new($"memory backend '{id}' could not be released ({error}); it is kept and its id is not reused");

    private static string Asks(string name, ulong size) => name == "size" ? $"'size' {size} with 'prealloc=on'" : $"'{name}' {size}";
}
